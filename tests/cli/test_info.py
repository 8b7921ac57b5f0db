from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import steerx
from steerx.checkpoints import describe
from steerx.directions import Directions
from tests.cli.commands import Run, one_line


def test_a_checkpoint(run: Run, network: Path) -> None:
    result = run("info", network, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == describe(network)
    told = run("info", network).stdout
    assert "stylegan2" in told and "16:6" in told and "weights keep their own licence" in told


def test_directions(run: Run, sefa: Path, network: Path) -> None:
    facts = json.loads(run("info", sefa, "--json").stdout)
    assert facts["kind"] == "directions" and facts["method"] == "SeFa"
    assert facts["model_id"] == steerx.load(network).model_id
    assert [row["name"] for row in facts["directions"]] == ["sefa0", "sefa1", "sefa2"]
    told = run("info", sefa).stdout
    assert "sefa2" in told and "after_truncation" in told


def test_a_boundary_of_another_tool(run: Run) -> None:
    vector = np.ones((1, 16)) / 4
    np.save("m_smile_w_boundary.npy", vector)
    facts = json.loads(run("info", "m_smile_w_boundary.npy", "--json").stdout)
    assert facts["space"] == "w" and facts["model_id"] is None


def test_a_hostile_name_is_shown_as_it_is(run: Run, sefa: Path) -> None:
    Directions.load(sefa)[0].rename("[red]markup").save("odd.safetensors")
    assert "[red]markup" in run("info", "odd.safetensors").stdout
    data = Path("odd.safetensors").read_bytes()
    Path("hostile.safetensors").write_bytes(data.replace(b"[red]markup", b"\\\\u001b[31m"))
    assert "\x1b" not in one_line(run("info", "hostile.safetensors"), 65)


@pytest.mark.parametrize("text", [b"", b"{}", b"\xff" * 64, b"\x02" + bytes(7) + b"{}"])
def test_a_damaged_file_is_refused(run: Run, text: bytes) -> None:
    Path("a.safetensors").write_bytes(text)
    one_line(run("info", "a.safetensors"), 65)

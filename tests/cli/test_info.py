from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import steerx
from steerx.checkpoints import describe
from steerx.directions import Directions
from steerx.generators.codes_file import save_codes
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


def test_codes(run: Run, network: Path) -> None:
    G = steerx.load(network)
    codes = G.codes(seeds="0-2", space="w")
    save_codes("c.safetensors", codes, "w", facts={"seeds": [0, 1, 2]})
    facts = json.loads(run("info", "c.safetensors", "--json").stdout)
    wanted = {"kind": "codes", "space": "w", "shape": [3, 16], "dtype": "float32"}
    assert facts == {**wanted, "seeds": [0, 1, 2]}
    np.savez("c.npz", w=codes.numpy())
    assert json.loads(run("info", "c.npz", "--json").stdout) == wanted
    save_file({"w": codes}, "d.safetensors")
    assert json.loads(run("info", "d.safetensors", "--json").stdout) == wanted
    np.save("d.npy", G.codes(seeds="0-2").numpy())
    assert json.loads(run("info", "d.npy", "--json").stdout)["space"] == "w_plus"
    np.save("e.npy", np.array(["text"]))
    one_line(run("info", "e.npy"), 65)


def test_scores(run: Run) -> None:
    Path("scores.csv").write_text("seed,smile,age\n3,0.5,nan\n4,1,2\n9,0,1\n")
    facts = json.loads(run("info", "scores.csv", "--json").stdout)
    assert facts == {
        "kind": "scores",
        "names": ["smile", "age"],
        "images": 3,
        "seeds": "3-4,9",
        "without a score": 1,
    }
    Path("scores.csv").write_text("seed,smile\n3,high\n")
    assert "'smile' holds 'high'" in one_line(run("info", "scores.csv"), 65)


def test_a_job(run: Run, network: Path) -> None:
    assert run("sample", network, "--seeds", "3").exit_code == 0
    facts = json.loads(run("info", "out/job.yaml", "--json").stdout)
    assert facts["command"] == "sample" and facts["arguments"]["seeds"] == "3"
    told = run("info", "out/job.yaml").stdout
    assert ["seeds", "3"] in [line.split() for line in told.splitlines()]
    Path("a.yaml").write_text("a: 1")
    one_line(run("info", "a.yaml"), 65)


def test_numbers_that_json_does_not_know(run: Run, sefa: Path) -> None:
    found = Directions.load(sefa)
    replace(found, scores=torch.tensor([1.0, torch.nan, torch.inf])).save("nan.safetensors")
    result = run("info", "nan.safetensors", "--json")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout, parse_constant=lambda word: pytest.fail(word))["directions"]
    assert [row["eigenvalue"] for row in rows] == [1.0, None, None]


def test_a_direction_file_is_not_mapped(
    run: Run, sefa: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mapped(*_: object, **__: object) -> None:
        pytest.fail("a file that is mapped can be cut short by others")

    monkeypatch.setattr("safetensors.safe_open", mapped)
    assert run("info", sefa).exit_code == 0


def test_codes_and_factors_of_other_tools(run: Run) -> None:
    torch.save(torch.randn(3, 10, 64), "latents.pt")
    assert "codes" in run("info", "latents.pt").output
    torch.save({"eigvec": torch.linalg.qr(torch.randn(64, 64)).Q, "ckpt": "a.pt"}, "factor.pt")
    told = run("info", "factor.pt").output
    assert "directions" in told and "SeFa" in told

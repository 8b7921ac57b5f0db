"""`steerx convert`: the same network under other names, or nothing at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from steerx import checkpoints
from steerx.checkpoints import Checkpoint, StyleGAN2Config, model_id, write
from steerx.generators import StyleGAN2
from tests.checkpoints import writers
from tests.cli.commands import Run, one_line, tiny_network


def network(path: Path, **changes: Any) -> Path:
    """A random network whose z is as wide as w, which every format can hold."""
    torch.manual_seed(0)
    facts: dict[str, Any] = {
        "z_dim": 16,
        "c_dim": 0,
        "w_dim": 16,
        "resolution": 16,
        "img_channels": 3,
        "channels": {4: 8, 8: 8, 16: 6},
        "mapping_layers": 2,
    }
    config = StyleGAN2Config(**{**facts, **changes})
    tensors = {k: v.detach().clone() for k, v in StyleGAN2(config).state_dict().items()}
    tensors["synthesis.filter"] = tensors["synthesis.filter"].clone()
    write(path, Checkpoint("stylegan2", config, tensors, model_id(tensors)))
    return path


def files(folder: Path = Path()) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize(
    "name, layout", [("b.safetensors", "steerx"), ("b.pt", "rosinality"), ("b.pth", "genforce")]
)
def test_every_format_is_proved_and_read_back(run: Run, name: str, layout: str) -> None:
    source = network(Path("a.safetensors"))
    result = run("convert", source, f"new/{name}", "--verify", "--seeds", "0-1,85")
    assert result.exit_code == 0, result.output
    assert "verified: 3 seeds, max |difference| of images" in result.stdout
    assert "weights keep their own licence" in result.stdout
    assert checkpoints.describe(f"new/{name}")["layout"] == layout
    assert files(Path("new")) == sorted([name, "b.job.yaml"]) and files() == [
        "a.safetensors",
        "new",
    ]
    if layout == "steerx":
        assert checkpoints.read(f"new/{name}").model_id == checkpoints.read(source).model_id
    assert run("sample", f"new/{name}", "--seeds", 3).exit_code == 0


def test_a_file_of_another_tool_and_what_was_inferred(run: Run) -> None:
    config = writers.tiny_config(z_dim=8)
    state = writers.rosinality_state(config, writers.random_tensors(config))
    wrapped = {f"module.{name}": tensor for name, tensor in state.items()}
    writers.write_torch(Path("a.pt"), {"g_ema": wrapped, "args": {}})
    result = run("convert", "a.pt", "a.safetensors", "--verify")
    assert result.exit_code == 0, result.output
    for words in (
        "a.pt: rosinality (torch zip), stylegan2, 16 px",
        "left out: 'module.' in front of every name",
        "inferred: resolution, channels",
        "defaulted: mapping learning rate multiplier = 0.01, conv_clamp = None",
        "skipped: 'args'",
        "w avg: computed from",
    ):
        assert words in result.stdout
    told = run("info", "a.pt").stdout
    assert "inferred" in told and "defaulted" in told and "module." in told


def test_the_built_in_network_goes_through_both_tools(run: Run) -> None:
    assert run("convert", "faces", "a.pth", "--verify", "--seeds", 85).exit_code == 0
    assert run("convert", "a.pth", "b.pt", "--verify", "--seeds", 85).exit_code == 0
    assert run("convert", "b.pt", "c.safetensors", "--verify", "--seeds", 85).exit_code == 0
    first, last = (checkpoints.read(f) for f in ("b.pt", "c.safetensors"))
    assert first.model_id == last.model_id


def test_what_differs_too_much_is_not_kept(run: Run) -> None:
    source = network(Path("a.safetensors"))
    half = run("convert", source, "b.safetensors", "--dtype", "float16")
    assert half.exit_code == 0, half.output
    assert Path("b.safetensors").stat().st_size < 0.7 * source.stat().st_size
    before = files()
    words = ("convert", source, "new/c.safetensors", "--dtype", "float16", "--verify")
    line = one_line(run(*words), 1)
    assert "not the same network" in line and "it was not kept" in line
    assert files() == before


def test_labels_are_kept_in_our_file_and_refused_elsewhere(run: Run) -> None:
    tiny_network(Path("a.safetensors"), seed=0, c_dim=3)
    assert run("convert", "a.safetensors", "b.safetensors", "--verify").exit_code == 0
    before = files()
    for name in ("b.pt", "b.pth"):
        line = one_line(run("convert", "a.safetensors", name), 65)
        assert "3 classes of a conditional network" in line and ".safetensors" in line
    assert files() == before


def test_widths_and_filters_that_a_tool_cannot_hold_are_named(run: Run) -> None:
    tiny_network(Path("a.safetensors"), seed=0)  # z 64, w 16
    assert "z of width 64" in one_line(run("convert", "a.safetensors", "b.pt"), 65)
    assert run("convert", "a.safetensors", "b.pth").exit_code == 0
    made = checkpoints.read(network(Path("c.safetensors")))
    made.tensors["synthesis.filter"] = torch.rand(4, 4)
    write("d.safetensors", replace(made, model_id=model_id(made.tensors)))
    assert "filter" in one_line(run("convert", "d.safetensors", "d.pt"), 65)


def test_a_clamp_goes_only_where_no_picture_shows_it(run: Run) -> None:
    network(Path("far.safetensors"), conv_clamp=1e4)
    network(Path("near.safetensors"), conv_clamp=0.1)
    result = run("convert", "far.safetensors", "far.pt", "--verify")
    assert result.exit_code == 0, result.output
    assert "conv_clamp = 10000 is left out" in result.stderr
    line = one_line(run("convert", "near.safetensors", "near.pt"), 65)
    assert "conv_clamp = 0.1" in line and "pictures change" in line
    assert not Path("near.pt").exists()
    assert run("convert", "near.safetensors", "kept.safetensors").exit_code == 0
    assert checkpoints.read("kept.safetensors").config.conv_clamp == 0.1


def test_nothing_is_replaced_without_force(run: Run) -> None:
    source = network(Path("a.safetensors"))
    Path("b.pt").write_bytes(b"mine")
    assert "--force" in one_line(run("convert", source, "b.pt"), 74)
    assert Path("b.pt").read_bytes() == b"mine"
    assert run("convert", source, "b.pt", "--force").exit_code == 0
    before = source.read_bytes()
    assert "IN itself" in one_line(run("convert", source, source, "--force"), 2)
    assert source.read_bytes() == before


def test_dry_run_and_job(run: Run) -> None:
    source = network(Path("a.safetensors"))
    result = run("convert", source, "new/b.pt", "--dry-run")
    assert "2 files" in result.stdout and "nothing was written" in result.stdout
    assert files() == ["a.safetensors"]
    assert run("convert", source, "new/b.pt", "--seeds", 3).exit_code == 0
    job = yaml.safe_load(Path("new/b.job.yaml").read_text())
    assert job["command"] == "convert" and job["arguments"]["seeds"] == "3"
    again = run("convert", "--job", "new/b.job.yaml", "--force")
    assert again.exit_code == 0, again.output


def _text(path: Path) -> None:
    path.write_text("no checkpoint")


@pytest.mark.parametrize(
    "words, code, said",
    [
        ((), 2, "give IN and OUT"),
        (("a.safetensors",), 2, "give IN and OUT"),
        (("a.safetensors", "b.bin"), 2, "--format"),
        (("a.safetensors", "b.pt", "--format", "safetensors"), 2, ".safetensors"),
        (("a.safetensors", "b.pt", "--format", "tensorflow"), 2, "rosinality"),
        (("a.safetensors", "b.pt", "--seeds", "x"), 2, "--seeds"),
        (("none.pkl", "b.safetensors"), 74, "none.pkl"),
        (("bad.pkl", "b.safetensors"), 65, "bad.pkl is refused"),
        (("a.safetensors", "bad.pkl/b.pt"), 74, "not a folder"),
    ],
)
def test_wrong_words(run: Run, words: tuple[str, ...], code: int, said: str) -> None:
    network(Path("a.safetensors"))
    _text(Path("bad.pkl"))
    assert said in one_line(run("convert", *words), code)
    assert files() == ["a.safetensors", "bad.pkl"]


def test_directions_are_no_network(run: Run) -> None:
    source = network(Path("a.safetensors"))
    assert run("mine", "sefa", source, "-k", 1, "-o", "d.safetensors").exit_code == 0
    line = one_line(run("convert", "d.safetensors", "b.pt"), 65)
    assert "this file holds 'directions', no network" in line


def test_a_folder_that_takes_no_files(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    source = network(Path("a.safetensors"))

    def refused(**_: object) -> str:
        raise OSError(30, "Read-only file system", "the temporary name")

    monkeypatch.setattr("tempfile.mkdtemp", refused)
    line = one_line(run("convert", source, "b.pt"), 74)
    assert "b.pt: Read-only file system" in line and "temporary" not in line


def test_a_full_disk_leaves_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    source = network(Path("a.safetensors"))

    def full(*_: object, **__: object) -> Callable[..., None]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    one_line(run("convert", source, "new/b.pt"), 74)
    assert files() == ["a.safetensors"]

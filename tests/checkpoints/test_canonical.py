"""Our own file: what is written is read back bit for bit, by us and by the safetensors library."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from steerx import checkpoints
from steerx.checkpoints import Checkpoint, CheckpointError, Kind, StyleGAN2Config, model_id
from tests.checkpoints import writers


def checkpoint(config: StyleGAN2Config | None = None) -> Checkpoint:
    config = config or writers.tiny_config()
    tensors = writers.random_tensors(config)
    return Checkpoint("stylegan2", config, tensors, model_id(tensors), {"container": "pickle"})


def test_written_is_read_bit_for_bit(tmp_path: Path) -> None:
    for i, config in enumerate(
        (
            writers.tiny_config(),
            writers.tiny_config(c_dim=4, embed_dim=3, conv_clamp=256.0),
            writers.tiny_config(resolution=4, channels={4: 3}, mapping_layers=0, z_dim=8),
            writers.tiny_config(w_avg_rows=6, filter_shape=(3, 3)),
        )
    ):
        written = checkpoint(dataclasses.replace(config))
        written.tensors["synthesis.filter"] = torch.rand(config.filter_shape)
        written = dataclasses.replace(written, model_id=model_id(written.tensors))
        path = tmp_path / f"{i}.safetensors"
        checkpoints.write(path, written)
        read = checkpoints.read(path)
        assert read.config == written.config and read.model_id == written.model_id
        assert all(torch.equal(read.tensors[n], t) for n, t in written.tensors.items())
        assert read.facts["origin"] == {"container": "pickle"}


def test_the_safetensors_library_reads_our_file(tmp_path: Path) -> None:
    written = checkpoint()
    path = tmp_path / "a.safetensors"
    checkpoints.write(path, written)
    assert all(torch.equal(t, written.tensors[n]) for n, t in load_file(path).items())
    with safe_open(path, "pt") as file:
        told = json.loads(file.metadata()["steerx"])
    assert told["version"] == 1 and told["family"] == "stylegan2"


def test_we_read_what_the_safetensors_library_writes(tmp_path: Path) -> None:
    written = checkpoint()
    path = tmp_path / "a.safetensors"
    checkpoints.write(path, written)
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    save_file(written.tensors, path, metadata=metadata)
    assert checkpoints.read(path).model_id == written.model_id


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_stores_rounded_weights(tmp_path: Path, dtype: torch.dtype) -> None:
    written = checkpoint()
    path = tmp_path / "a.safetensors"
    checkpoints.write(path, written, dtype=dtype)
    read = checkpoints.read(path)
    for name, tensor in written.tensors.items():
        assert torch.equal(read.tensors[name], tensor.to(dtype).float())
    assert read.model_id != written.model_id


def test_the_same_checkpoint_makes_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    checkpoints.write(first, checkpoint())
    written = checkpoint()
    shuffled = dict(reversed(written.tensors.items()))
    checkpoints.write(second, dataclasses.replace(written, tensors=shuffled))
    assert first.read_bytes() == second.read_bytes()


def test_an_existing_file_is_kept_unless_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_text("precious")
    with pytest.raises(FileExistsError):
        checkpoints.write(path, checkpoint())
    assert path.read_text() == "precious"
    checkpoints.write(path, checkpoint(), overwrite=True)
    assert checkpoints.read(path).family == "stylegan2"


def test_tensors_that_are_not_those_of_the_config_are_not_written(tmp_path: Path) -> None:
    written = checkpoint()
    written.tensors["synthesis.const"] = torch.zeros(7, 4, 5)
    with pytest.raises(ValueError, match=r"synthesis\.const \(7, 4, 5\) \(expected \(7, 4, 4\)"):
        checkpoints.write(tmp_path / "a", written)
    with pytest.raises(ValueError, match="dtype must be"):
        checkpoints.write(tmp_path / "a", checkpoint(), dtype=torch.float64)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"version": 2}, Kind.UNSUPPORTED),
        ({"version": True}, Kind.UNSUPPORTED),
        ({"family": "stylegan4"}, Kind.UNSUPPORTED),
        ({"config": None}, Kind.BAD_STRUCTURE),
        ({"facts": []}, Kind.BAD_STRUCTURE),
    ],
)
def test_other_metadata_are_refused(tmp_path: Path, change: dict[str, object], kind: Kind) -> None:
    written = checkpoint()
    told = {"version": 1, "family": "stylegan2", "config": written.config.to_json()} | change
    path = tmp_path / "a.safetensors"
    save_file(written.tensors, path, metadata={"steerx": json.dumps(told)})
    with pytest.raises(CheckpointError) as caught:
        checkpoints.read(path)
    assert caught.value.kind == kind

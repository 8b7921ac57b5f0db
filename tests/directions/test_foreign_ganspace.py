"""GANSpace's archives with a layer's activations: both ways, bit for bit, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from steerx.directions import DirectionsFileError, GANSpace, load_ganspace, save_ganspace
from steerx.directions.foreign import load_ganspace_activations
from tests.tiny import tiny_generator

NAME = "StyleGAN2-cat_act:1_ipca_c3_n200"


def written(folder: Path, space: str = "z") -> tuple[GANSpace, Path]:
    method = GANSpace(3, n=200, layer="act:1", space=space)  # type: ignore[arg-type]
    method.fit(tiny_generator())
    path = folder / f"{NAME}{'_w' if space == 'w' else ''}.npz"
    save_ganspace(method.directions_, path, activations=method.activation_directions_)
    return method, path


def test_shapes_are_those_of_the_published_files(tmp_path: Path) -> None:
    _, path = written(tmp_path)
    with np.load(path) as archive:
        assert {archive[key].dtype for key in archive.files} == {np.dtype(np.float32)}
        shapes = {key: archive[key].shape for key in archive.files}
    assert shapes == {
        "act_comp": (3, 1, 9, 8, 8),
        "act_mean": (1, 9, 8, 8),
        "act_stdev": (3,),
        "lat_comp": (3, 1, 8),
        "lat_mean": (1, 8),
        "lat_stdev": (3,),
        "var_ratio": (3,),
        "random_stdevs": (3,),
    }


@pytest.mark.parametrize("space", ["w", "z"])
def test_round_trip_is_bit_equal(tmp_path: Path, space: str) -> None:
    method, path = written(tmp_path, space)
    latents, activations = load_ganspace(path), load_ganspace_activations(path)
    wanted = method.activation_directions_
    assert wanted is not None
    assert (latents.space, activations.space) == (space, "act:1")
    for found, said in ((latents, method.directions_), (activations, wanted)):
        for field in ("vectors", "scale", "scores", "mean"):
            assert torch.equal(getattr(found, field), getattr(said, field)), field
    again = tmp_path / f"again-cat_act:1_ipca_c3_n200{'_w' if space == 'w' else ''}.npz"
    save_ganspace(latents, again, activations=activations)
    with np.load(path) as one, np.load(again) as other:
        assert one.files == other.files
        for key in one.files:
            assert one[key].tobytes() == other[key].tobytes(), key


def test_activations_are_not_taken_for_w(tmp_path: Path) -> None:
    method, path = written(tmp_path, "w")
    for latents in (method.directions_, load_ganspace(path)):
        with pytest.raises(ValueError, match="of layer act:1; give them too"):
            save_ganspace(latents, tmp_path / "x.npz")
    with pytest.raises(ValueError, match="activations must be the 3 components"):
        save_ganspace(method.directions_, tmp_path / "x.npz", activations=method.directions_)
    assert not (tmp_path / "x.npz").exists()


def test_refused_activations(tmp_path: Path) -> None:
    _, path = written(tmp_path)
    nameless = tmp_path / "mine.npz"
    nameless.write_bytes(path.read_bytes())
    with pytest.raises(ValueError, match="does not say which layer"):
        load_ganspace_activations(nameless)
    assert load_ganspace_activations(nameless, layer="conv_3").space == "act:conv_3"
    with np.load(path) as archive:
        data = {key: archive[key] for key in archive.files}
    for change, part in (
        ({"act_mean": np.ones((1, 4), np.float32)}, "act_mean must have 576 numbers, got 4"),
        ({"act_comp": data["act_comp"][:, 0, 0, 0]}, r"act_comp must be \[c, 1, ...\]"),
        ({"act_stdev": np.full(3, np.nan, np.float32)}, "finite"),
        ({"act_comp": np.array([{}], dtype=object)}, "not a GANSpace archive"),
    ):
        np.savez(nameless, **{**data, **change})  # type: ignore[arg-type]
        with pytest.raises(DirectionsFileError, match=part):
            load_ganspace_activations(nameless, layer="a")
    del data["act_comp"]
    np.savez(nameless, **data)
    with pytest.raises(DirectionsFileError, match="act_comp missing"):
        load_ganspace_activations(nameless, layer="a")

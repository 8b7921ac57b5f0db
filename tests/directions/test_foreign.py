"""Files of other tools: names, norms, units, and the round trip."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from steerx.directions import (
    DirectionsFileError,
    GANSpace,
    as_directions,
    load_boundary,
    load_ganspace,
    save_boundary,
    save_ganspace,
)


def boundary(size: int = 8, dtype: type = np.float64) -> np.ndarray:
    vector = np.random.RandomState(0).randn(1, size)
    return (vector / np.linalg.norm(vector)).astype(dtype)


@pytest.mark.parametrize(
    ("name", "space", "attribute", "model", "conditions"),
    [
        ("pggan_celebahq_smile_boundary", "z", "smile", "pggan_celebahq", []),
        ("stylegan_ffhq_age_w_boundary", "w", "age", "stylegan_ffhq", []),
        ("stylegan_ffhq_age_c_gender_boundary", "z", "age", "stylegan_ffhq", ["gender"]),
        (
            "stylegan_ffhq_age_c_gender_eyeglasses_w_boundary",
            "w",
            "age",
            "stylegan_ffhq",
            ["gender", "eyeglasses"],
        ),
        ("m_age_c_gender_c_pose_boundary", "z", "age", "m", ["gender", "pose"]),
        ("smile_boundary", "z", "smile", None, []),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_name_of_a_boundary_says_its_space(
    tmp_path: Path,
    name: str,
    space: str,
    attribute: str,
    model: str | None,
    conditions: list[str],
    dtype: type,
) -> None:
    path = tmp_path / f"{name}.npy"
    np.save(path, boundary(dtype=dtype))
    d = as_directions(path)
    assert (d.space, d.names, d.motion, d.unit) == (space, (attribute,), "relative", "raw")
    assert d.provenance["model"] == model
    assert d.provenance["conditions"] == conditions
    assert np.abs(d.vectors.numpy() - boundary()).max() <= 1e-6
    assert d.intercepts is None and d.model_id is None


def test_a_boundary_that_is_not_unit_is_said(tmp_path: Path) -> None:
    path = tmp_path / "m_smile_boundary.npy"
    np.save(path, 3 * boundary())
    with pytest.warns(UserWarning, match="length 3"):
        d = load_boundary(path)
    assert np.abs(d.vectors.numpy() - boundary()).max() <= 1e-6


def test_a_name_outside_the_grammar_needs_the_space(tmp_path: Path) -> None:
    path = tmp_path / "smile.npy"
    np.save(path, boundary()[0])
    with pytest.raises(ValueError, match="does not say which space"):
        load_boundary(path)
    d = load_boundary(path, space="w")
    assert (d.space, d.names, len(d)) == ("w", ("smile",), 1)


@pytest.mark.parametrize(
    ("array", "part"),
    [
        (np.zeros((1, 8)), "zeros"),
        (np.full((1, 8), np.nan), "finite"),
        (np.ones((1, 8), dtype=np.int64), "floating-point"),
        (boundary()[None], r"must be \[1, D\]"),
    ],
)
def test_wrong_boundaries(tmp_path: Path, array: np.ndarray, part: str) -> None:
    path = tmp_path / "m_smile_boundary.npy"
    np.save(path, array)
    with pytest.raises(ValueError, match=part):
        load_boundary(path)


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "m_smile_boundary.npy"
    np.save(path, np.array({"boundary": 1}, dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"_boundary\.npy: not a boundary"):
        load_boundary(path)
    path.write_text("smile")
    with pytest.raises(ValueError, match=r"_boundary\.npy: not a boundary"):
        load_boundary(path)


def test_boundary_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "m_smile_w_boundary.npy"
    d = load_boundary_of(path)
    save_boundary(d, tmp_path / "again_smile_w_boundary.npy")
    again = load_boundary(tmp_path / "again_smile_w_boundary.npy")
    assert torch.equal(again.vectors, d.vectors)
    with pytest.raises(FileExistsError):
        save_boundary(d, path)
    with pytest.raises(ValueError, match="pick one"):
        save_boundary(GANSpace(k=2).fit(torch.randn(20, 8)).directions_, tmp_path / "two.npy")


def load_boundary_of(path: Path):  # type: ignore[no-untyped-def]
    np.save(path, boundary())
    return load_boundary(path)


def fitted(tmp_path: Path, name: str = "m-faces_style_ipca_c3_n500_w") -> tuple[GANSpace, Path]:
    codes = torch.randn(500, 6) * torch.tensor([4.0, 3, 2, 1, 1, 0.5]) + 3
    method = GANSpace(k=3).fit(codes)
    path = tmp_path / f"{name}.npz"
    save_ganspace(method.directions_, path)
    return method, path


def test_ganspace_round_trip(tmp_path: Path) -> None:
    method, path = fitted(tmp_path)
    ours, theirs = method.directions_, as_directions(path)
    assert (theirs.space, theirs.unit, theirs.when) == ("w", "sigma", "before_truncation")
    assert (theirs.names, theirs.score_name) == (ours.names, ours.score_name)
    assert (theirs.vectors - ours.vectors).abs().max() <= 1e-6
    assert torch.allclose(theirs.scale, ours.scale, rtol=1e-6)
    assert theirs.scores is not None and ours.scores is not None
    assert torch.allclose(theirs.scores, ours.scores, rtol=1e-6)
    assert theirs.mean is not None and ours.mean is not None
    assert torch.allclose(theirs.mean, ours.mean, rtol=1e-6)
    again = tmp_path / "m-again_style_ipca_c3_n500_w.npz"
    save_ganspace(theirs, again)
    with np.load(path) as a, np.load(again) as b:
        assert set(a.files) == set(b.files)
        for key in a.files:
            assert np.allclose(a[key], b[key], rtol=1e-6), key


def test_the_archive_has_the_shapes_other_tools_expect(tmp_path: Path) -> None:
    _, path = fitted(tmp_path)
    with np.load(path, allow_pickle=False) as archive:
        shapes = {key: archive[key].shape for key in archive.files}
        assert {archive[key].dtype for key in archive.files} == {np.dtype(np.float32)}
        assert float(archive["random_stdevs"].mean()) < float(archive["act_stdev"][0])
    assert shapes == {
        "act_comp": (3, 1, 6),
        "act_mean": (1, 6),
        "act_stdev": (3,),
        "lat_comp": (3, 1, 6),
        "lat_mean": (1, 6),
        "lat_stdev": (3,),
        "var_ratio": (3,),
        "random_stdevs": (3,),
    }


def test_space_of_an_archive(tmp_path: Path) -> None:
    assert load_ganspace(fitted(tmp_path, "m-cat_g_mapping_ipca_c3_n500")[1]).space == "z"
    own = fitted(tmp_path, "mine")[1]
    assert load_ganspace(own).space == "w"  # activations = latents
    with np.load(own) as archive:
        data = {key: archive[key] for key in archive.files}
    data["act_comp"] = np.random.RandomState(0).randn(3, 1, 4, 2, 2)
    np.savez(tmp_path / "conv.npz", **data)
    with pytest.raises(ValueError, match="z or w"):
        load_ganspace(tmp_path / "conv.npz")
    assert load_ganspace(tmp_path / "conv.npz", space="w").vectors.shape == (3, 6)


def test_other_estimators_are_read_with_a_warning(tmp_path: Path) -> None:
    path = fitted(tmp_path, "m-cat_style_fbpca_c80_it2_l160_n500_w_seed3")[1]
    with pytest.warns(UserWarning, match="fbpca was fitted on extra rows of zeros"):
        d = load_ganspace(path)
    assert (d.space, d.provenance["seed"]) == ("w", "3")


def test_wrong_archives(tmp_path: Path) -> None:
    np.savez(tmp_path / "a_ipca_c3_n1_w.npz", lat_comp=np.ones((3, 1, 6)))
    with pytest.raises(ValueError, match="lat_stdev, lat_mean, var_ratio missing"):
        load_ganspace(tmp_path / "a_ipca_c3_n1_w.npz")
    _, path = fitted(tmp_path)
    with np.load(path) as archive:
        data = {key: archive[key] for key in archive.files}
    np.savez(tmp_path / "b_ipca_c3_n1_w.npz", **{**data, "lat_stdev": np.ones(2)})
    with pytest.raises(ValueError, match="lat_stdev must have 3 numbers, got 2"):
        load_ganspace(tmp_path / "b_ipca_c3_n1_w.npz")
    (tmp_path / "c.npz").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(ValueError, match=r"c.npz: not a GANSpace archive"):
        load_ganspace(tmp_path / "c.npz")
    with pytest.raises(ValueError, match="expected components of w"):
        d = GANSpace(k=3, space="z").fit(torch.randn(50, 6)).directions_
        save_ganspace(d, tmp_path / "d.npz")


def test_a_bomb_of_zeros_stays_packed(tmp_path: Path) -> None:
    path = tmp_path / "bomb_style_ipca_c8_n1_w.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (80, 1, 1048576), }"
        with archive.open("lat_comp.npy", "w", force_zip64=True) as member:
            member.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
            for _ in range(80):
                member.write(bytes(4 << 20))
    with pytest.raises(DirectionsFileError, match="larger than"):
        as_directions(path)


def test_headers_that_are_programs_or_puzzles_are_data(tmp_path: Path) -> None:
    path = tmp_path / "m_a_w_boundary.npy"
    for header in (b"(" * 9000, b"{'descr': __import__('os').system('true')}", b"\xff" * 40):
        path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
        with pytest.raises(DirectionsFileError):
            as_directions(path)

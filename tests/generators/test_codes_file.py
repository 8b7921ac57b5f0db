"""Codes in files: exact round trips, files of other tools, and what is no file of codes."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor

import steerx
from steerx.generators import StyleGAN2
from steerx.generators.codes_file import CodesFileError, read_codes, read_saved, save_codes

FLAT, DEEP = torch.randn(3, 8), torch.randn(3, 6, 12)
FACTS = {"model_id": "a" * 64, "psi": 0.7, "cutoff": 4, "seeds": [0, 3, 1]}


@pytest.mark.parametrize("suffix", [".safetensors", ".npy"])
@pytest.mark.parametrize("codes, space", [(FLAT, "z"), (FLAT.double(), "w"), (DEEP, "w_plus")])
def test_round_trip(tmp_path: Path, codes: Tensor, space: Any, suffix: str) -> None:
    path = tmp_path / f"codes{suffix}"
    save_codes(path, codes, space, facts=FACTS)
    saved = read_saved(path, space=space)
    assert isinstance(saved.codes, Tensor) and saved.codes.dtype == codes.dtype
    assert torch.equal(saved.codes, codes) and saved.space == space
    assert saved.facts == (FACTS if suffix == ".safetensors" else {})


def test_styles_of_a_network(tmp_path: Path, tiny: StyleGAN2) -> None:
    styles = tiny.codes(seeds="0-1", space="styles")
    assert isinstance(styles, list)
    save_codes(tmp_path / "s.safetensors", styles, "styles")
    back, space = read_codes(tmp_path / "s.safetensors")
    assert space == "styles" and len(back) == len(styles) == len(tiny.style_rows)
    assert all(torch.equal(a, b) for a, b in zip(back, styles, strict=True))
    with pytest.raises(ValueError, match=r"\.safetensors"):
        save_codes(tmp_path / "s.npy", styles, "styles")


def test_nothing_is_replaced_unasked(tmp_path: Path) -> None:
    save_codes(tmp_path / "c.npy", FLAT, "w")
    with pytest.raises(FileExistsError):
        save_codes(tmp_path / "c.npy", FLAT, "w")
    save_codes(tmp_path / "c.npy", FLAT + 1, "w", overwrite=True)
    assert torch.equal(read_codes(tmp_path / "c.npy", space="w")[0], FLAT + 1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name, array, wanted",
    [
        ("z.npy", FLAT, "z"),  # InterFaceGAN's own names
        ("w.npy", FLAT, "w"),
        ("wp.npy", DEEP, "w_plus"),
        ("some.npy", FLAT, None),
        ("some.npy", DEEP, "w_plus"),
        ("w.npy", DEEP, "w_plus"),
        ("w.npy", FLAT[:, None], "w"),  # [N, 1, D]
        ("w.npy", FLAT[0], "w"),  # [D]
        ("some.npy", FLAT.numpy().astype(np.float16), None),
        ("some.npy", np.asfortranarray(DEEP.numpy()), "w_plus"),
    ],
)
def test_arrays_of_other_tools(tmp_path: Path, name: str, array: Any, wanted: str | None) -> None:
    np.save(tmp_path / name, array)
    codes, space = read_codes(tmp_path / name)
    assert isinstance(codes, Tensor) and codes.dtype == torch.float32 and space == wanted
    assert codes.dim() == (3 if wanted == "w_plus" else 2)
    assert np.array_equal(codes.numpy().ravel(), np.asarray(array, np.float32).ravel())


def test_what_the_caller_says_outweighs_the_name_of_a_file(tmp_path: Path) -> None:
    np.save(tmp_path / "z.npy", FLAT)
    assert read_codes(tmp_path / "z.npy", space="w")[1] == "w"


@pytest.mark.parametrize("packed", [np.savez, np.savez_compressed])
def test_archives(tmp_path: Path, packed: Any) -> None:
    path = tmp_path / "c.npz"
    packed(path, w=DEEP[:1])  # NVlabs' projector
    codes, space = read_codes(path)
    assert space == "w_plus" and torch.equal(codes, DEEP[:1])  # type: ignore[arg-type]
    packed(path, z=FLAT, w=FLAT + 1, more=np.zeros(3))
    assert torch.equal(read_codes(path, space="w")[0], FLAT + 1)  # type: ignore[arg-type]
    with pytest.raises(CodesFileError, match=r"3 arrays .*say which space"):
        read_codes(path)
    packed(path, anything=FLAT)
    assert read_codes(path)[1] is None
    packed(path, a=FLAT, b=FLAT)
    with pytest.raises(CodesFileError, match="2 arrays"):
        read_codes(path)


@pytest.mark.parametrize("legacy", [False, True])
def test_tensors_of_encoders(tmp_path: Path, legacy: bool) -> None:
    path = tmp_path / "latents.pt"
    torch.save(DEEP, path, _use_new_zipfile_serialization=not legacy)
    codes, space = read_codes(path)
    assert space == "w_plus" and torch.equal(codes, DEEP)  # type: ignore[arg-type]
    torch.save({"latents": DEEP}, path)
    with pytest.raises(CodesFileError, match="one tensor"):
        read_codes(path)


@pytest.mark.parametrize(("codes", "space"), [(FLAT, "w"), (DEEP, "w_plus")])
def test_latents_of_a_projector(tmp_path: Path, codes: Tensor, space: str) -> None:
    """A dict of pictures, each with the picture, its code (a row of one tensor) and its noise maps."""
    path = tmp_path / "projected.pt"
    noise = [torch.randn(1, 1, 4, 4), torch.randn(1, 1, 8, 8)]
    kept = {
        f"{i}.png": {"img": torch.zeros(3, 8, 8), "latent": row, "noise": noise}
        for i, row in enumerate(codes)
    }
    torch.save(kept, path)
    found, said = read_codes(path)
    assert said == space and torch.equal(found, codes)  # type: ignore[arg-type]
    with pytest.raises(CodesFileError, match="says they are"):
        read_codes(path, space="z")
    for broken in ({"img": noise[0]}, {"latent": noise}, {"latent": codes[0, :1]}, 1):
        torch.save(kept | {"more.png": broken}, path)
        with pytest.raises(CodesFileError, match='dicts with a "latent" of one shape each'):
            read_codes(path)


def test_a_safetensors_file_of_another_tool(tmp_path: Path) -> None:
    safetensors.torch.save_file({"w": FLAT}, tmp_path / "c.safetensors")
    saved = read_saved(tmp_path / "c.safetensors")
    assert saved.space == "w" and saved.facts == {}


def archive(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, data)
    return buffer.getvalue()


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array))
    return buffer.getvalue()


def tensor_file(tensors: dict[str, Tensor], text: str | None = None) -> bytes:
    return safetensors.torch.save(tensors, None if text is None else {"steerx": text})


def text(**changes: Any) -> str:
    return json.dumps({"kind": "codes", "version": 1, "space": "w", **changes})


NOT_FINITE = torch.tensor([[1.0, float("nan")]])
HEADER = b"{'descr': '<f4', 'fortran_order': False, 'shape': (500000000000, 2), }\n"
BOMB = archive("w.npy", npy(np.zeros((1 << 20, 17), np.float32)))  # 68 MiB of noughts


@pytest.mark.parametrize(
    "name, data, words",
    [
        ("c.npy", b"", "empty"),
        ("c.npy", b"not an array", "format"),
        ("c.npy", npy(FLAT)[:-1], "truncated"),
        ("c.npy", b"\x93NUMPY\x01\x00" + len(HEADER).to_bytes(2, "little") + HEADER, "larger"),
        ("c.npy", npy(np.zeros((2, 3), int)), "float32"),
        ("c.npy", npy(np.zeros((0, 3))), "must be"),
        ("c.npy", npy(np.zeros((2, 3, 4, 5))), "must be"),
        ("wp.npy", npy(FLAT), r"w_plus.*|\[N, L, D\]"),
        ("c.npy", npy(NOT_FINITE), "1 of 2 numbers are NaN"),
        ("c.npz", b"PK", "archive"),
        ("c.npz", archive("w.txt", b"1"), "0 arrays"),
        ("c.npz", BOMB, "larger than"),
        ("c.pt", b"\x80\x02cos\nsystem\n(S'x'\ntR.", "refused|forbidden|bad-opcode"),
        ("c.txt", b"1 2 3", "files"),
        ("c.safetensors", tensor_file({"vectors": FLAT}), "one tensor z, w or w_plus"),
        ("c.safetensors", tensor_file({"z": FLAT, "w": FLAT + 1}), "one tensor z, w or w_plus"),
        ("c.safetensors", tensor_file({"styles.1": FLAT}), "one tensor z, w or w_plus"),
        ("c.safetensors", tensor_file({"styles.0": FLAT, "styles.1": DEEP[0]}), "rows"),
        ("c.safetensors", tensor_file({"z": FLAT}, text()), "disagree"),
        ("c.safetensors", tensor_file({"w": FLAT}, text(kind="directions")), "'directions'"),
        ("c.safetensors", tensor_file({"w": FLAT}, text(version=2)), "newer steerx"),
        ("c.safetensors", tensor_file({"w": FLAT}, "[1]"), "something else"),
        ("c.safetensors", tensor_file({"w": FLAT}, "{"), "damaged"),
        ("c.safetensors", tensor_file({"w": NOT_FINITE}, text()), "NaN"),
        ("c.safetensors", npy(FLAT), "refused|not a checkpoint|unsupported"),
    ],
)
def test_what_holds_no_codes(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(CodesFileError, match=words) as caught:
        read_codes(path)
    line = str(caught.value)
    assert line.startswith(f"{path} holds no codes: ") and "\n" not in line


def test_a_file_that_says_another_space(tmp_path: Path) -> None:
    save_codes(tmp_path / "c.safetensors", FLAT, "w")
    with pytest.raises(CodesFileError, match="says they are w, not z"):
        read_codes(tmp_path / "c.safetensors", space="z")
    with pytest.raises(CodesFileError, match="no space 'wplus'"):
        read_codes(tmp_path / "c.safetensors", space="wplus")
    with pytest.raises(FileNotFoundError):
        read_codes(tmp_path / "none.npy")


@pytest.mark.parametrize(
    "codes, space, facts, words",
    [
        (NOT_FINITE, "w", {}, "NaN"),
        (FLAT, "w_plus", {}, r"\[N, L, D\]"),
        (DEEP, "styles", {}, "styles"),
        (FLAT, "w", {"seeds": FLAT}, "JSON"),
        (FLAT, "w", {"psi": float("inf")}, "JSON"),
        (FLAT, "w", {"seeds": list(range(200_000))}, "characters"),
    ],
)
def test_what_is_not_saved(
    tmp_path: Path, codes: Any, space: Any, facts: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        save_codes(tmp_path / "c.safetensors", codes, space, facts=facts)
    assert list(tmp_path.iterdir()) == []


def test_saved_codes_render_the_same_picture(tmp_path: Path, tiny: StyleGAN2) -> None:
    w_plus = tiny.codes(seeds="5", psi=0.5)
    assert isinstance(w_plus, Tensor)
    save_codes(tmp_path / "c.safetensors", w_plus, "w_plus", facts={"psi": 0.5})
    codes, _ = read_codes(tmp_path / "c.safetensors")
    moved = steerx.edit(codes, steerx.SeFa(k=1).fit(tiny).directions_, alpha=0.0)
    assert torch.equal(tiny.synthesis(moved), tiny.synthesis(w_plus))

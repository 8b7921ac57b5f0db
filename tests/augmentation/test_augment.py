"""A job from end to end in one process."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import steerx
from steerx._pictures import to_uint8
from steerx.augmentation import AugmentError, Crew, LockedError, PlanError, run
from steerx.augmentation.folder import Folder
from steerx.augmentation.verifying import mend, verify
from steerx.working import Crew as AnyCrew
from tests.augmentation.jobs import contents, directions, pictures
from tests.tiny import tiny_generator


def read(folder: Path) -> dict[str, tuple[bytes, dict[str, Any]]]:
    """Pictures and what is said of them, by sample."""
    found: dict[str, dict[str, bytes]] = {}
    for shard in sorted(folder.glob("shard-*.tar")):
        with tarfile.open(shard) as tar:
            for member in tar:
                handle = tar.extractfile(member)
                assert handle is not None
                name, _, suffix = member.name.partition(".")
                assert suffix not in found.setdefault(name, {})
                found[name][suffix] = handle.read()
    return {name: (one["png"], json.loads(one["json"])) for name, one in found.items()}


def test_the_files_of_a_job(tmp_path: Path) -> None:
    job = pictures()
    made = run(job, tmp_path / "set")
    assert made.shards == 3 and made.failed == {}
    samples = read(tmp_path / "set")
    assert list(samples) == [f"{i:09d}" for i in range(21)]
    for number, (data, about) in enumerate(samples.values()):
        assert about["sample"] == number and about["source"] == number // 3
        assert about["sha256"] == hashlib.sha256(data).hexdigest()
        assert len(about["edits"]) == (number % 3 > 0)
        assert about["plan"] == job.plan.plan_id and about["model"] == "tiny-0"
    assert sorted(contents(tmp_path / "set")) == sorted(
        ["README.md", "_SUCCESS", "manifest.json", "plan.json"]
        + [f"directions/{k:03d}.safetensors" for k in range(2)]
        + [f"shard-{k:06d}.tar{end}" for k in range(3) for end in ("", ".json")]
    )
    assert "none is a photograph" in (tmp_path / "set" / "README.md").read_text()


def test_a_picture_is_the_edit_that_is_said_of_it(tmp_path: Path) -> None:
    """Rendered again through the public calls; the batch is another one, so the bits may be too."""
    run(pictures(count=None, seeds="3-9", noise="const", psi=0.8), tmp_path / "set")
    G, singles = tiny_generator(), {one.names[0]: one for one in directions()}
    moved = 0
    for data, about in read(tmp_path / "set").values():
        assert about["seed"] == 3 + about["source"]
        z = G.codes(seeds=[about["seed"]], space="z")
        step = {edit["direction"]: edit["alpha"] for edit in about["edits"]}
        if "age" in step:
            z = steerx.edit(z, singles["age"], alpha=step["age"])
        codes = G.codes(z=z, psi=0.8)
        if "smile" in step:
            codes = steerx.edit(codes, singles["smile"], alpha=step["smile"], psi=0.8)
        with torch.inference_mode():
            expected = to_uint8(G.synthesis(codes))[0].numpy()
        shown = np.asarray(Image.open(io.BytesIO(data)))
        assert np.abs(shown.astype(int) - expected).max() <= 1
        moved += bool(step)
    assert moved == 14


def test_two_runs_give_the_same_bytes_and_samples_noise_of_their_own(tmp_path: Path) -> None:
    run(pictures(), tmp_path / "a")
    torch.manual_seed(1)
    run(pictures(), tmp_path / "b", encoders=3)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    still = pictures(edits=1, alphas={"smile": [0.0], "age": "normal:0,1"}, at_once=1, psi=0.0)
    shown = to_uint8(still.batch([0, 3]).images)
    assert not torch.equal(shown[0], shown[1])  # psi 0: the noise is all that differs


@pytest.mark.parametrize("count", [0, 1, 4, 8, 9])
def test_any_number_of_sources(tmp_path: Path, count: int) -> None:
    made = run(pictures(count=count, edits=0), tmp_path / "set")
    folder = Folder.read(tmp_path / "set")
    found = verify(folder)
    assert made.shards == found.good == -(-count // 8)
    assert found.finished and not found.missing and not found.damaged
    manifest = json.loads((tmp_path / "set" / "manifest.json").read_bytes())
    assert manifest["samples"] == count and len(read(tmp_path / "set")) == count


@pytest.mark.parametrize("name", ["with space", "line\nbreak", "ünïcode", "x" * 200])
def test_odd_paths(tmp_path: Path, name: str) -> None:
    run(pictures(count=2), tmp_path / name / "set")
    assert verify(Folder.read(tmp_path / name / "set")).finished


@pytest.mark.skipif(not hasattr(os, "umask") or os.name == "nt", reason="no umask")
def test_a_strict_umask_changes_no_byte(tmp_path: Path) -> None:
    run(pictures(), tmp_path / "free")
    before = os.umask(0o077)
    try:
        run(pictures(), tmp_path / "strict")
    finally:
        os.umask(before)
    assert contents(tmp_path / "free") == contents(tmp_path / "strict")
    assert (tmp_path / "strict" / "shard-000000.tar").stat().st_mode & 0o077 == 0


def test_workers_of_a_shared_folder_make_the_same_files(tmp_path: Path) -> None:
    run(pictures(), tmp_path / "alone")
    for worker in (2, 0, 1):
        assert not (tmp_path / "shared" / "_SUCCESS").exists()
        made = run(pictures(), tmp_path / "shared", worker=worker, workers=3)
        assert made.shards == 1
    assert contents(tmp_path / "alone") == contents(tmp_path / "shared")


def test_two_runs_on_one_folder(tmp_path: Path) -> None:
    job = pictures()
    with Folder.working(tmp_path, job.plan):
        with pytest.raises(LockedError, match=r"another run works in .* \(process \d+ on "):
            run(job, tmp_path)
        with pytest.raises(LockedError):
            run(job, tmp_path, worker=0, workers=2)
    with Folder.working(tmp_path, job.plan, shared=True):
        with pytest.raises(LockedError):
            run(job, tmp_path)
        run(job, tmp_path, worker=0, workers=2)
    (tmp_path / ".lock").write_text("1 on a host that is long dead")  # nobody holds it
    run(job, tmp_path)
    assert verify(Folder.read(tmp_path)).finished


def test_another_job_touches_nothing(tmp_path: Path) -> None:
    run(pictures(), tmp_path)
    before = contents(tmp_path)
    with pytest.raises(PlanError, match="key was 11, is 12"):
        run(pictures(key=12), tmp_path)
    assert contents(tmp_path) == before
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    with pytest.raises(PlanError, match=r"holds other files \(thesis\.tex\)"):
        run(pictures(), tmp_path / "other")
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        run(pictures(), tmp_path / "file")


def test_nan_fails_its_shard_and_the_others_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = pictures()
    batch = job.batch

    def spoiled(ids):  # type: ignore[no-untyped-def]
        made = batch(ids)
        images = made.images.where((made.samples.ids != 13).view(-1, 1, 1, 1), torch.nan)
        return dataclasses.replace(made, images=images)

    monkeypatch.setattr(job, "batch", spoiled)
    made = run(job, tmp_path / "set")
    assert made.shards == 2 and list(made.failed) == [1]
    assert "sample 13 has NaN or infinity in its picture; use smaller alphas" in made.failed[1]
    folder = Folder.read(tmp_path / "set")
    assert list(folder.failures()) == [1] and folder.pending() == [1]
    assert not (tmp_path / "set" / "_SUCCESS").exists()
    assert not list((tmp_path / "set").glob(".steerx*"))
    monkeypatch.undo()
    run(pictures(), tmp_path / "set")
    run(pictures(), tmp_path / "whole")
    assert not folder.failures() and list((tmp_path / "set" / "failed").iterdir()) == []
    assert contents(tmp_path / "set") == contents(tmp_path / "whole")


def test_verify_finds_what_is_damaged_and_that_alone_is_remade(tmp_path: Path) -> None:
    run(pictures(), tmp_path)
    whole = contents(tmp_path)
    harms = {
        "shard-000000.tar": lambda data: data[:-700],
        "shard-000001.tar": lambda data: data[:900] + bytes([data[900] ^ 4]) + data[901:],
        "shard-000002.tar.json": lambda data: data[:30],
    }
    for names in [[name] for name in harms] + [list(harms)]:
        for name in names:
            (tmp_path / name).write_bytes(harms[name](whole[name]))
        found = verify(folder := Folder.read(tmp_path))
        assert sorted(found.damaged) == sorted(int(name[6:12]) for name in names)
        mend(folder, found)
        assert not (tmp_path / "_SUCCESS").exists()
        assert run(pictures(), tmp_path).shards == len(names)
        assert contents(tmp_path) == whole


def test_a_shard_with_other_bytes_is_never_replaced_in_silence(tmp_path: Path) -> None:
    run(pictures(), tmp_path)
    (tmp_path / "shard-000000.tar").write_bytes(b"cut")
    receipt = tmp_path / "shard-000000.tar.json"
    receipt.write_bytes(receipt.read_bytes().replace(b'"sha256":"', b'"sha256":"0'))
    with pytest.raises(AugmentError, match="came out with other bytes"):
        run(pictures(), tmp_path)
    assert (tmp_path / "shard-000000.tar").read_bytes() == b"cut"


def test_python_in_one_call(tmp_path: Path) -> None:
    G = tiny_generator()
    made = steerx.augment(
        G, directions()[0], out=tmp_path / "set", alphas=2.0, count=3, shard_size=4, quality=80
    )
    assert made.shards == 2
    assert (
        json.loads((tmp_path / "set" / "plan.json").read_bytes())["plan"]["codec"]["quality"] == 80
    )
    w = G.codes(seeds=range(3), space="w")
    assert isinstance(w, torch.Tensor)
    given = {"codes": w, "space": "w", "alphas": 2.0, "out": tmp_path / "codes"}
    steerx.augment(G, directions()[0], **given)  # type: ignore[arg-type]
    with pytest.raises(PlanError, match=r"sources\.sha256"):
        steerx.augment(G, directions()[0], **given | {"codes": w + 1})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"seeds": "0-3"}, "give one of count, seeds and codes"),
        ({"at_once": 3}, "at_once must be 1 ... 2, the number of directions"),
        ({"edits": 0, "keep_original": False}, "leaves nothing"),
        ({"count": -1}, "count must be 0 or more"),
        ({"alphas": {"smile": 1.0}}, "alphas are for smile, the directions are smile, age"),
        ({"labels": [1]}, "has no classes"),
        ({"noise": "random"}, "noise must be one of sample, const, none"),
        ({"quality": 3}, "PNG is lossless"),
        ({"psi": float("nan")}, "psi must be a finite number"),
        ({"shard_size": -1}, "^augment: shard_size must be greater than or equal to 1, got -1$"),
        ({"count": 2.5}, "^augment: count must be a valid integer, got 2.5$"),
        ({"format": "tiff"}, "^augment: format must be 'jpeg', 'png' or 'webp', got 'tiff'$"),
        ({"format": "jpeg", "quality": 0}, "^augment: quality must be greater .* 1, got 0$"),
        ({"alphas": float("nan")}, "^augment: alphas must be a finite number, got nan$"),
        ({"alphas": []}, "^augment: alphas must have at least 1 item"),
    ],
)
def test_what_does_not_fit_is_refused(policy: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        pictures(**policy)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"encoders": 0}, "encoders must be 1 or more, got 0"),
        ({"crew": Crew("tiny", ("cpu",), encoders=-1)}, "encoders must be 1 or more, got -1"),
        ({"crew": AnyCrew("tiny", ("cpu",))}, "must be a steerx.augmentation.Crew, got one of"),
    ],
)
def test_who_cannot_work_is_refused_before_there_is_a_folder(
    tmp_path: Path, told: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        run(pictures(), tmp_path / "set", **told)
    assert not (tmp_path / "set").exists()


def test_classes_are_taken_in_turn(tmp_path: Path) -> None:
    G = tiny_generator(c_dim=3)
    told = {"alphas": 1.0, "count": 4, "edits": 0, "format": "png"}
    steerx.augment(G, directions()[0], out=tmp_path / "set", labels=(2, 0), **told)  # type: ignore[arg-type]
    assert [about["class"] for _, about in read(tmp_path / "set").values()] == [2, 0, 2, 0]
    with pytest.raises(ValueError, match="needs labels of 0-2"):
        steerx.augment(G, directions()[0], out=tmp_path / "b", **told)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="classes are integers 0-2"):
        steerx.augment(G, directions()[0], out=tmp_path / "b", labels=(3,), **told)  # type: ignore[arg-type]

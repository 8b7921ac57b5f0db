from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from steerx.directions import Directions
from tests.cli.commands import Run, one_line


def ran(run: Run, *words: object) -> str:
    result = run("directions", *words)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_list_tells_every_direction_of_a_folder(run: Run, sefa: Path) -> None:
    Path("other.npy").write_bytes(b"no directions")
    told = ran(run, "list", ".")
    assert told.count("SeFa") == 3 and "sefa2" in told and "weights" in told
    rows = json.loads(ran(run, "list", sefa, "--json"))["directions"]
    assert [row["name"] for row in rows] == ["sefa0", "sefa1", "sefa2"]
    Path("empty").mkdir()
    assert "no direction file" in one_line(run("directions", "list", "empty"), 65)


def test_show_tells_cosines_and_provenance(run: Run, sefa: Path) -> None:
    told = json.loads(ran(run, "show", sefa, "--json"))
    assert np.allclose(told["cosines"], np.eye(3), atol=1e-5)
    assert told["provenance"]["method"] == "SeFa" and len(told["directions"]) == 3
    assert "cosines between" in ran(run, "show", sefa)


def test_rename_writes_a_job_and_never_over_a_file(run: Run, sefa: Path) -> None:
    ran(run, "rename", sefa, "sefa0=pose", "-o", "named.safetensors")
    assert Directions.load("named.safetensors").names == ("pose", "sefa1", "sefa2")
    assert Path("named.job.yaml").is_file()
    again = run("directions", "rename", sefa, "sefa1=smile", "-o", "named.safetensors")
    assert "--force" in one_line(again, 74)
    assert "did you mean" in one_line(
        run("directions", "rename", sefa, "sefa9=x", "-o", "b.safetensors"), 2
    )
    same = run("directions", "rename", sefa, "sefa0=sefa1", "-o", "b.safetensors")
    assert "sefa1" in one_line(same, 2) and not Path("b.safetensors").exists()
    Path("named.safetensors").unlink()
    ran(run, "rename", "--job", "named.job.yaml", "--force")
    assert Directions.load("named.safetensors").names[0] == "pose"


def test_rename_without_out_needs_force(run: Run, sefa: Path) -> None:
    one_line(run("directions", "rename", sefa, "sefa0=pose"), 74)
    ran(run, "rename", sefa, "sefa0=pose", "--force")
    assert Directions.load(sefa).names[0] == "pose"


def test_merge(run: Run, sefa: Path, other_network: Path) -> None:
    ran(run, "rename", sefa, *(f"sefa{k}=b{k}" for k in range(3)), "-o", "b.safetensors")
    assert "would write" in ran(
        run, "merge", sefa, "b.safetensors", "-o", "m.safetensors", "--dry-run"
    )
    assert not Path("m.safetensors").exists() and not Path("m.job.yaml").exists()
    ran(run, "merge", sefa, "b.safetensors", "-o", "m.safetensors")
    assert len(Directions.load("m.safetensors")) == 6
    twice = run("directions", "merge", sefa, sefa, "-o", "x.safetensors")
    assert "is given twice" in one_line(twice, 2)
    Path("copy.safetensors").write_bytes(sefa.read_bytes())
    twice = run("directions", "merge", sefa, "copy.safetensors", "-o", "x.safetensors")
    assert "'sefa0' stands in" in one_line(twice, 65)
    twice = run("directions", "rename", sefa, "sefa0=sefa1", "-o", "x.safetensors")
    assert "two directions would be called 'sefa1'" in one_line(twice, 2)
    run("mine", "sefa", other_network, "-k", 1, "-o", "o.safetensors")
    ran(run, "rename", "o.safetensors", "sefa0=theirs", "-o", "other.safetensors")
    foreign = run("directions", "merge", sefa, "other.safetensors", "-o", "x.safetensors")
    assert "model_id" in one_line(foreign, 65)
    np.save("a_b_w_boundary.npy", np.eye(16, dtype=np.float32)[:1])
    space = run("directions", "merge", sefa, "a_b_w_boundary.npy", "-o", "x.safetensors")
    assert "space (w_plus and w)" in one_line(space, 65)
    assert not list(Path().glob("x.*"))


def test_orthogonalize(run: Run) -> None:
    rows = torch.nn.functional.normalize(torch.randn(3, 8, generator=torch.manual_seed(0)), dim=1)
    Directions(rows, space="w", names=["a", "b", "c"]).save("abc.safetensors")
    ran(run, "orthogonalize", "abc.safetensors", "--against", "b,c", "-o", "a.safetensors")
    one = Directions.load("a.safetensors")
    assert one.names == ("a",) and (one.vectors @ rows[1:].T).abs().max() < 1e-5
    ran(run, "orthogonalize", "abc.safetensors", "-o", "all.safetensors")
    assert np.allclose(Directions.load("all.safetensors").cosines(), np.eye(3), atol=1e-5)
    words = ("orthogonalize", "abc.safetensors", "--metric", "covariance", "-o", "x.safetensors")
    assert "covariance" in one_line(run("directions", *words), 65)
    assert not list(Path().glob("x.*"))


def test_a_boundary_there_and_back(run: Run, network: Path) -> None:
    vector = np.full((1, 16), 0.25)
    np.save("tiny_age_w_boundary.npy", vector)
    said = run(
        "directions",
        "import",
        "tiny_age_w_boundary.npy",
        "--network",
        network,
        "-o",
        "a.safetensors",
    )
    assert said.exit_code == 0 and "read as --format interfacegan" in said.stderr
    one = Directions.load("a.safetensors")
    assert one.names == ("age",) and one.space == "w" and one.model_id is not None
    words = ("export", "a.safetensors", "--format", "interfacegan", "-o")
    ran(run, *words, "again_age_w_boundary.npy")
    assert np.allclose(np.load("again_age_w_boundary.npy"), vector, atol=1e-6)
    assert "says its space" in one_line(run("directions", *words, "age_boundary.npy"), 2)
    np.save("wide_w_boundary.npy", np.eye(5)[:1])
    wide = ("import", "wide_w_boundary.npy", "--network", network, "-o", "w.safetensors")
    assert "does not fit" in run("directions", *wide).stderr
    assert not Path("w.safetensors").exists()


def test_sefa_files(run: Run, sefa: Path, network: Path) -> None:
    ran(run, "export", sefa, "--format", "sefa", "-o", "tiny_sefa.npy")
    ran(run, "import", "tiny_sefa.npy", "--network", network, "-o", "back.safetensors")
    back, first = Directions.load("back.safetensors"), Directions.load(sefa)
    assert torch.allclose(back.vectors, first.vectors, atol=1e-6) and back.space == "w_plus"
    assert back.when == first.when
    np.savez("s.npz", vectors=np.eye(16)[:2], eigen_values=np.array([2.0, 1.0]))
    ran(run, "import", "s.npz", "--format", "sefa", "-o", "s.safetensors")
    scores = Directions.load("s.safetensors").scores
    assert scores is not None and scores.tolist() == [2, 1]
    refused = run("directions", "export", sefa, "--format", "interfacegan", "-o", "a_boundary.npy")
    assert "--only" in one_line(refused, 65)
    refused = run("directions", "export", sefa, "--format", "ganspace", "-o", "a.npz")
    assert "ganspace" in one_line(refused, 65) and not list(Path().glob("a.*"))


@pytest.mark.parametrize("legacy", [False, True])
def test_torch_files_are_read_as_data(run: Run, legacy: bool) -> None:
    columns = torch.linalg.qr(torch.randn(16, 16, generator=torch.manual_seed(0)))[0]
    torch.save({"eigvec": columns}, "factor.pt", _use_new_zipfile_serialization=not legacy)
    ran(run, "import", "factor.pt", "-o", "f.safetensors")
    found = Directions.load("f.safetensors")
    assert torch.allclose(found.vectors, columns.T, atol=1e-6)
    assert found.when == "before_truncation"
    torch.save(torch.ones(3, 16), "age.pt")
    ran(run, "import", "age.pt", "-o", "age.safetensors")
    assert Directions.load("age.safetensors").vectors.shape == (1, 3, 16)


def test_imports_that_are_refused(run: Run) -> None:
    np.save("unclear.npy", np.eye(4))
    assert "--format" in one_line(
        run("directions", "import", "unclear.npy", "-o", "x.safetensors"), 2
    )
    np.save("bad_sefa.npy", np.full((2, 4), np.nan))
    for file, form in (("bad_sefa.npy", "sefa"), ("unclear.npy", "ganspace")):
        result = run("directions", "import", file, "--format", form, "-o", "x.safetensors")
        assert "refused" in one_line(result, 65)
    assert not list(Path().glob("x.*"))

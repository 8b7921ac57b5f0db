from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import steerx
from steerx import faces
from steerx.directions import Directions
from tests.cli.commands import Run, one_line, opened, tiny_network


def test_sefa(run: Run, network: Path) -> None:
    words = ("-k", 4, "--layers", "0-3", "--to-rgb", "none", "-o", "here/smile.safetensors")
    result = run("mine", "sefa", network, *words)
    assert result.exit_code == 0, result.output
    assert "sefa3" in result.stdout and "eigenvalue" in result.stdout
    found = Directions.load("here/smile.safetensors")
    wanted = steerx.SeFa("0-3", 4, to_rgb="none").fit(steerx.load(network)).directions_
    assert torch.equal(found.vectors, wanted.vectors)
    assert found.layers == ((0, 1, 2, 3),) * 4


def test_sefa_in_groups_and_as_others_did_it(run: Run, network: Path) -> None:
    G = steerx.load(network)
    cases: list[tuple[tuple[object, ...], dict[str, object]]] = [
        (("--group", "0-1", "--group", "2-5"), {"groups": ["0-1", "2-5"]}),
        (("--per-layer", "--layers", "1-2"), {"per_layer": True, "layers": "1-2"}),
        (("--no-normalize",), {"normalize": False}),
        (("--compat", "rosinality"), {"compat": "rosinality"}),
    ]
    for n, (words, parameters) in enumerate(cases):
        result = run("mine", "sefa", network, "-k", 2, *words, "-o", f"{n}.safetensors")
        assert result.exit_code == 0, result.output
        wanted = steerx.SeFa(k=2, **parameters).fit(G).directions_  # type: ignore[arg-type]
        found = Directions.load(f"{n}.safetensors")
        assert torch.equal(found.vectors, wanted.vectors) and found.layers == wanted.layers
        again = ("mine", "sefa", "--job", f"{n}.job.yaml", "-o", f"again{n}.safetensors")
        assert run(*again).exit_code == 0
        data = Path(f"{n}.safetensors").read_bytes()
        assert Path(f"again{n}.safetensors").read_bytes() == data


def test_a_folder_for_the_directions(run: Run, network: Path) -> None:
    assert run("mine", "sefa", network, "-o", "found").exit_code == 0
    names = sorted(p.name for p in Path("found").iterdir())
    assert names == ["sefa.job.yaml", "sefa.safetensors"]


def test_dry_runs_write_nothing(run: Run, network: Path) -> None:
    np.save("a.npy", np.random.RandomState(0).randn(60, 2))
    for words in (
        ("sefa", network, "-k", 3),
        ("ganspace", network, "-k", 3, "-n", 500),
        ("interfacegan", network, "--scores", "a.npy"),
        ("interfacegan", network, "--scorer", "truth", "--samples", 20),
    ):
        result = run("mine", *words, "--dry-run")
        assert result.exit_code == 0, result.output
        assert "2 files" in result.stdout and "nothing was written" in result.stdout
    Path("mine.py").write_text("def bright(images):\n    return images.mean((1, 2, 3))\n")
    words = ("interfacegan", network, "--scorer", "mine.py:bright", "--samples", 400)
    assert "400 pictures" in run("mine", *words, "--dry-run").stdout
    assert sorted(p.name for p in Path().glob("*.*")) == ["a.npy", "mine.py"]
    assert run("mine", *words, "--ratio", 0.1).exit_code == 0
    assert Directions.load("interfacegan.safetensors").names == ("attribute0",)


def test_ganspace(run: Run, network: Path) -> None:
    result = run("mine", "ganspace", network, "-k", 3, "-n", 500, "--seed", 7)
    assert result.exit_code == 0, result.output
    assert "sigma" in result.stdout
    found = Directions.load("ganspace.safetensors")
    wanted = steerx.GANSpace(3, n=500, seed=7).fit(steerx.load(network)).directions_
    assert torch.equal(found.vectors, wanted.vectors)


def test_ganspace_of_layers_estimators_and_ranges(run: Run, network: Path) -> None:
    G = opened(network)
    cases: list[tuple[tuple[object, ...], dict[str, object]]] = [
        (("--layer", "act:1", "--layers", "0-2"), {"layer": "act:1", "layers": "0-2"}),
        (("--layer", "mapping", "--space", "z"), {"layer": "mapping", "space": "z"}),
        (("--estimator", "ica"), {"estimator": "ica"}),
        (("--compat", "ganspace"), {"compat": "ganspace"}),
        (("--centred",), {"centred": True}),
    ]
    for n, (words, parameters) in enumerate(cases):
        flags = ("-k", 2, "-n", 120, *words, "-o", f"{n}.safetensors")
        result = run("mine", "ganspace", network, *flags)
        assert result.exit_code == 0, result.output
        wanted = steerx.GANSpace(2, n=120, **parameters).fit(G).directions_  # type: ignore[arg-type]
        found = Directions.load(f"{n}.safetensors")
        assert torch.equal(found.vectors, wanted.vectors) and found.layers == wanted.layers
        assert (found.space, found.motion) == (wanted.space, wanted.motion)
    again = ("mine", "ganspace", "--job", "0.job.yaml", "-o", "again.safetensors")
    assert run(*again).exit_code == 0
    assert Path("again.safetensors").read_bytes() == Path("0.safetensors").read_bytes()


def test_ganspace_of_what_is_not_there(run: Run, network: Path) -> None:
    words = ("mine", "ganspace", network, "-n", 60)
    line = one_line(run(*words, "--layer", "conv9"), 2)
    assert "no such layer" in line and "act:0" in line and "synthesis.layers.0" in line
    one_line(run(*words, "--estimator", "umap"), 2)
    one_line(run(*words, "--space", "z"), 2)
    one_line(run(*words, "--class", 1), 2)
    line = one_line(run(*words, "--layer", "act:0", "--layers", "0-1", "--space", "z"), 2)
    assert "moves all layers alike" in line
    assert run(*words, "--layer", "act:0", "-k", 17, "--dry-run").exit_code == 0
    assert list(Path().iterdir()) == []


def test_ganspace_by_workers(run: Run, network: Path) -> None:
    for count in (1, 2):
        words = ("-k", 3, "-n", 150, "--layer", "act:1", "-o", f"{count}.safetensors")
        result = run("mine", "ganspace", network, *words, "--processes", count)
        assert result.exit_code == 0, result.output
    assert Path("1.safetensors").read_bytes() == Path("2.safetensors").read_bytes()
    words = ("mine", "ganspace", network, "-n", 60, "--processes", 2)
    assert "nothing was written" in run(*words, "--dry-run", "-o", "dry.safetensors").stdout
    line = one_line(run("mine", "ganspace", network, "--ray", "auto"), 2)
    assert "--processes N beside --ray" in line
    strange = ("--processes", 1, "--device", "cpu", "--layer", "act:1", "--job")
    assert run("mine", "ganspace", *strange, "1.job.yaml", "-o", "3.safetensors").exit_code == 0
    assert Path("3.safetensors").read_bytes() == Path("1.safetensors").read_bytes()


def test_interfacegan_by_truth(run: Run, network: Path) -> None:
    words = ("--scorer", "truth", "--samples", 400, "--attributes", "age,smile", "--ratio", 0.1)
    result = run("mine", "interfacegan", network, *words)
    assert result.exit_code == 0, result.output
    assert "validation accuracy" in result.stdout
    assert Directions.load("interfacegan.safetensors").names == ("age", "smile")


def test_interfacegan_by_the_scorer_of_pictures(
    run: Run, network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faces, "scorer", lambda: faces.Scorer().eval())
    words = ("--scorer", "faces", "--samples", 60, "--solver", "mean", "--ratio", 0.2)
    result = run("mine", "interfacegan", network, *words, "--trunc", 0.5)
    assert result.exit_code == 0, result.output
    found = Directions.load("interfacegan.safetensors")
    assert found.names == faces.FACTORS
    assert found.truncation == (0.5, None)


@pytest.mark.parametrize("form", ["csv", "npy"])
def test_interfacegan_by_scores(run: Run, network: Path, form: str) -> None:
    values = np.random.RandomState(0).randn(90, 2)
    if form == "npy":
        np.save("scores.npy", values)
        seeds = range(90)
    else:
        seeds = range(10, 100)
        rows = [f"{s},{a},{b}" for s, (a, b) in zip(seeds, values.tolist(), strict=True)]
        Path("scores.csv").write_text("\n".join(["seed,one,two", *rows]))
    words = ("--scores", f"scores.{form}", "--solver", "ridge", "--ratio", 0.2)
    result = run("mine", "interfacegan", network, *words)
    assert result.exit_code == 0, result.output
    codes = steerx.load(network).codes(seeds=seeds, space="w")
    wanted = steerx.InterFaceGAN(0.2, solver="ridge").fit(codes, values).directions_
    found = Directions.load("interfacegan.safetensors")
    assert torch.equal(found.vectors, wanted.vectors)
    assert found.names == (("one", "two") if form == "csv" else ("attribute0", "attribute1"))


@pytest.mark.parametrize("space", ["z", "w", "w_plus"])
def test_interfacegan_by_scores_of_codes(run: Run, network: Path, space: str) -> None:
    codes = steerx.load(network).codes(seeds=range(80), space=space)
    np.save("codes.npy", codes.numpy())
    places = np.random.RandomState(0).permutation(80)
    values = codes.reshape(80, -1)[:, 1].double()
    rows = [f"{n:06d}.png,{values[n]!r}" for n in places]
    text = (
        "\n".join(["file,smile", *rows])
        .replace("tensor(", "")
        .replace(", dtype=torch.float64)", "")
    )
    Path("scores.csv").write_text(text)
    words = ("--scores", "scores.csv", "--codes", "codes.npy", "--space", space, "--ratio", 0.3)
    result = run("mine", "interfacegan", network, *words, "--solver", "mean")
    assert result.exit_code == 0, result.output
    found = Directions.load("interfacegan.safetensors")
    vectors = found.vectors.reshape(-1, found.vectors.shape[-1])
    assert found.space == space and bool((vectors[0].argmax() == 1).all())


def test_every_parameter_of_interfacegan(run: Run, network: Path) -> None:
    values = np.random.RandomState(0).randn(90, 2)
    values[3] = -1
    np.save("scores.npy", values)
    words = ("--ratio", 20, "--split", 0.6, "--C", 0.5, "--invalid", -1, "--seed", 3)
    more = ("--motion", "absolute", "--origin", "boundary", "--compat", "interfacegan")
    result = run("mine", "interfacegan", network, "--scores", "scores.npy", *words, *more)
    assert result.exit_code == 0, result.output
    for part in ("train", "validation", "middle"):
        assert f"{part} accuracy" in result.stdout
    assert "correlation of the scores" in result.stdout
    assert "cosines of the directions" in result.stdout
    method = steerx.InterFaceGAN(
        20,
        split=0.6,
        C=0.5,
        invalid=-1,
        seed=3,
        motion="absolute",
        origin="boundary",
        compat="interfacegan",
    )
    codes = steerx.load(network).codes(seeds=range(90), space="w")
    wanted = method.fit(codes, values).directions_
    found = Directions.load("interfacegan.safetensors")
    assert torch.equal(found.vectors, wanted.vectors)
    assert (found.motion, found.origin) == ("absolute", "boundary")


def test_many_attributes_are_told_by_pairs(run: Run, network: Path) -> None:
    values = np.random.RandomState(0).randn(60, 14)
    values[:, 13] = values[:, 0] + 0.01 * values[:, 1]
    np.save("scores.npy", values)
    words = ("--scores", "scores.npy", "--ratio", 0.3, "--solver", "ridge")
    result = run("mine", "interfacegan", network, *words)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    first = next(n for n, line in enumerate(lines) if "correlation of the scores" in line)
    assert lines[first + 2].split()[:3] == ["attribute0,", "attribute13", "+1.00"]


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("a.csv", "seed,smile\n0,x\n", 65),
        ("a.csv", "seed,smile\n0\n", 65),
        ("a.csv", "seed,smile\n0.5,1\n", 65),
        ("a.csv", "seed,smile\nnan,1\n", 65),
        ("a.csv", "seed\n0\n", 65),
        ("a.csv", "smile\n", 65),
        ("a.npy", "not an array", 65),
        ("a.txt", "1", 65),
        ("a.csv", "smile\n1\n1\n1\n1\n1\n", 65),
    ],
)
def test_refused_scores(run: Run, network: Path, name: str, text: str, code: int) -> None:
    Path(name).write_text(text)
    one_line(run("mine", "interfacegan", network, "--scores", name), code)
    assert not Path("interfacegan.safetensors").exists()


def test_pickled_scores_are_refused(run: Run, network: Path) -> None:
    np.save("a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    one_line(run("mine", "interfacegan", network, "--scores", "a.npy"), 65)


def test_scores_that_do_not_fit(run: Run, network: Path) -> None:
    np.save("a.npy", np.arange(20.0))
    words = ("mine", "interfacegan", network, "--scores", "a.npy")
    assert "20" in one_line(run(*words, "--seeds", "0-9"), 2)
    assert "no attribute 'smile'" in one_line(run(*words, "--attributes", "smile"), 2)
    one_line(run("mine", "interfacegan", network), 2)
    one_line(run("mine", "interfacegan", network, "--scores", "b.npy"), 74)


def test_layers_out_of_range_name_the_remedy(run: Run, network: Path) -> None:
    for method in ("sefa", "ganspace"):
        line = one_line(run("mine", method, network, "--layers", "0-50"), 2)
        assert "w slots 0-5" in line and '"all"' in line


def test_more_directions_than_there_are(run: Run, network: Path) -> None:
    assert "1 to 16" in one_line(run("mine", "sefa", network, "-k", 17), 2)
    assert "1 to 16" in one_line(run("mine", "ganspace", network, "-k", 17, "-n", 99), 2)
    assert "more codes" in one_line(run("mine", "ganspace", network, "-k", 5, "-n", 5), 2)
    assert list(Path().iterdir()) == []


def test_output_is_checked_first(run: Run, network: Path) -> None:
    one_line(run("mine", "sefa", network, "-o", "a.npy"), 2)
    Path("a.safetensors").write_bytes(b"mine")
    assert "--force" in one_line(run("mine", "sefa", network, "-o", "a.safetensors"), 74)
    assert Path("a.safetensors").read_bytes() == b"mine"
    assert run("mine", "sefa", network, "-o", "a.safetensors", "--force").exit_code == 0


def test_a_warning_is_one_line(run: Run, network: Path) -> None:
    np.save("a.npy", np.random.RandomState(0).randn(60))
    result = run("mine", "interfacegan", network, "--scores", "a.npy", "--ratio", 0.1)
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: InterFaceGAN") and result.stderr.count("\n") == 1


def test_a_class_is_remembered(run: Run, tmp_path: Path) -> None:
    conditional = tiny_network(tmp_path / "conditional.safetensors", seed=2, c_dim=3)
    words = ("mine", "ganspace", conditional, "-k", 2, "-n", 100, "--class", 1)
    assert run(*words).exit_code == 0
    assert Directions.load("ganspace.safetensors").label == 1

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import steerx
from steerx.cli import app
from steerx.cli.aliases import ALIASES, CLASS, translated
from steerx.cli.failures import _names
from steerx.directions import Directions
from tests.cli.commands import Run

COMMANDS = [
    "doctor",
    "sample",
    "sweep",
    "edit",
    "walk",
    "report",
    "mine sefa",
    "mine ganspace",
    "mine interfacegan",
]


@pytest.mark.parametrize(
    "typed, today",
    [
        ("sample --network ffhq.pkl --seeds 85", "sample ffhq.pkl --seeds 85"),
        ("sample --seeds=85 --network=ffhq.pkl", "sample ffhq.pkl --seeds=85"),
        ("sample faces --trunc_psi 0.5 --trunc_layers 8", "sample faces --trunc 0.5 --cutoff 8"),
        ("sample faces -n 4", "sample faces --seeds 0-3"),
        (
            "sweep -m faces -b smile_boundary.npy -s wp --start_distance -3 --end_distance 3 --steps 5",
            "sweep faces --space w_plus --from -3 --to 3 --steps 5 smile_boundary.npy",
        ),
        (
            "sweep faces d.npy -L 0-3 -K 5 --step 7",
            "sweep faces d.npy --layers 0-3 --only 0-4 --steps 7",
        ),
        ("mine sefa faces -L 0-1 -K 5", "mine sefa faces --layers 0-1 -k 5"),
        ("mine ganspace faces -c 80 --use_w -n 9", "mine ganspace faces -k 80 -n 9"),
        (
            "mine interfacegan faces -c w.npy -s a.npy -n 0.02 -r 0.7",
            "mine interfacegan faces --codes w.npy --scores a.npy --ratio 0.02 --split 0.7",
        ),
        ("sweep faces d.npy -N 5 --seed 3", "sweep faces d.npy --seeds 3-7"),
        ("sweep faces d.npy -n 3 -i w.npy", "sweep faces d.npy --codes w.npy"),
        ("sweep faces d.npy --num=2", "sweep faces d.npy --seeds 0-1"),
        ("sample faces --num many --seed 3", "sample faces --seeds many"),
        (
            "mine ganspace --model=faces --layer=style -b 10_000",
            "mine ganspace faces --batch 10_000",
        ),
        ("mine ganspace faces --class=ffhq --est ipca", "mine ganspace faces"),
        ("mine ganspace faces --class 3", "mine ganspace faces --class 3"),
        ("mine sefa faces --save_dir found", "mine sefa faces --output found"),
        ("sweep faces -b d.npy -- e.npy", "sweep faces -- e.npy d.npy"),
        (
            "walk -m faces -b smile_w_boundary.npy -s wp -i w.npy",
            "walk faces --space w_plus --codes w.npy smile_w_boundary.npy",
        ),
        ("walk faces d.npy -L 0-3 -n 3", "walk faces d.npy --layers 0-3 --seeds 0-2"),
        ("report --network faces d.npy", "report faces d.npy"),
        ("doctor --network x", "doctor --network x"),
        ("sample faces -- --network", "sample faces -- --network"),
        ("sample faces --trunc_psi", "sample faces --trunc"),
        ("sample faces --gpu_id 0", "sample faces"),
        ("--version", "--version"),
        ("", ""),
    ],
)
def test_old_words_become_new_ones(typed: str, today: str) -> None:
    assert translated(typed.split(), COMMANDS) == today.split()


def test_every_table_is_of_a_command() -> None:
    import typer

    assert set(ALIASES) <= set(_names(typer.main.get_command(app).commands))  # type: ignore[attr-defined]


def same(run: Run, old: tuple[object, ...], new: tuple[object, ...]) -> None:
    """Both command lines write the same files with the same bytes, but for how the job is said."""
    for folder, words in (("old", old), ("new", new)):
        result = run(*(str(word).replace("OUT", folder) for word in words))
        assert result.exit_code == 0, result.output
    files = [sorted(p.name for p in Path(f).iterdir()) for f in ("old", "new")]
    assert files[0] == files[1] and len(files[0]) > 1
    for name in files[0]:
        if not name.endswith("job.yaml"):
            assert Path("old", name).read_bytes() == Path("new", name).read_bytes(), name


def test_nvlabs_words(run: Run, network: Path) -> None:
    same(
        run,
        ("sample", "--network", network, "--outdir=OUT", "--seeds=85,265", "--truncation-psi", 0.5),
        ("sample", network, "-o", "OUT", "--seeds", "85,265", "--trunc", 0.5),
    )


def test_a_projected_w_of_nvlabs(run: Run, network: Path) -> None:
    w = steerx.load(network).codes(seeds=[85])
    np.savez("projected_w.npz", w=w.numpy())
    same(
        run,
        ("sample", "--network", network, "--outdir", "OUT", "--projected-w", "projected_w.npz"),
        ("sample", network, "-o", "OUT", "--codes", "projected_w.npz", "--space", "w_plus"),
    )


def test_interfacegan_words(run: Run, network: Path) -> None:
    G = steerx.load(network)
    w = G.codes(seeds=range(60), space="w").numpy()
    np.save("w.npy", w)
    np.save("scores.npy", w[:, 2])
    old = ("-c", "w.npy", "-s", "scores.npy", "-n", 0.3, "-r", 0.8, "-V", -9, "--output_dir", "OUT")
    new = ("--codes", "w.npy", "--scores", "scores.npy", "--ratio", 0.3, "--split", 0.8)
    words = ("mine", "interfacegan", network)
    same(run, (*words, *old), (*words, *new, "--invalid", -9, "-o", "OUT"))
    for folder in ("old", "new"):
        found = Directions.load(f"{folder}/interfacegan.safetensors")
        np.save("smile_w_boundary.npy", found.vectors.numpy())
        shutil.rmtree(folder)
    words = ("-i", "w.npy", "-b", "smile_w_boundary.npy", "-s", "w")
    reach = ("--start_distance", -3, "--end_distance", 3, "--steps", 3)
    today = ("--codes", "w.npy", "--space", "w")
    same(
        run,
        ("sweep", "-m", network, "-o", "OUT", *words, *reach),
        ("sweep", network, "smile_w_boundary.npy", *today, "--alphas", "-3,0,3", "-o", "OUT"),
    )


def test_sefa_words(run: Run, network: Path) -> None:
    words = ("mine", "sefa", network)
    same(
        run,
        (*words, "-L", "0-2", "-K", 3, "--save_dir", "OUT", "--gpu_id", 0),
        (*words, "--layers", "0-2", "-k", 3, "-o", "OUT"),
    )
    shutil.move("new", "found")
    shutil.rmtree("old")
    reach = ("--start_distance", -2, "--end_distance", 2, "--step", 3)
    some = ("-N", 2, "-K", 2, "--seed", 4, "--trunc_psi", 0.5, "--trunc_layers", 3)
    today = ("--seeds", "4,5", "--trunc", 0.5, "--cutoff", 3)
    file = "found/sefa.safetensors"
    same(
        run,
        ("sweep", network, file, *reach, *some, "--save_dir", "OUT"),
        ("sweep", network, file, "--alphas", "-2,0,2", "--only", "0-1", *today, "-o", "OUT"),
    )


def test_ganspace_words(run: Run, network: Path) -> None:
    words = ("mine", "ganspace", "--seed", 7, "-n", 500)
    theirs = ("--class=ffhq", "--layer=style", "--est", "ipca", "--use_w")
    same(
        run,
        (*words, f"--model={network}", *theirs, "-c", 3, "-b", 100, "--output_dir", "OUT"),
        (*words, network, "-k", 3, "--batch", 100, "-o", "OUT"),
    )


def test_old_words_are_in_no_help(run: Run) -> None:
    for command in ("sample", "sweep", "mine sefa", "mine ganspace", "mine interfacegan"):
        told = run(*command.split(), "--help").output
        old = [word for word, target in ALIASES[command].items() if target != CLASS]
        assert not [word for word in old if word.startswith("--") and f"{word} " in told]

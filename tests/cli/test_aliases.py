from __future__ import annotations

from pathlib import Path

import pytest

from steerx.cli import app
from steerx.cli.aliases import ALIASES, translated
from steerx.cli.failures import _names
from tests.cli.commands import Run

COMMANDS = ["doctor", "sample", "sweep", "edit", "mine sefa", "mine ganspace", "mine interfacegan"]


@pytest.mark.parametrize(
    "typed, today",
    [
        ("sample --network ffhq.pkl --seeds 85", "sample ffhq.pkl --seeds 85"),
        ("sample --seeds=85 --network=ffhq.pkl", "sample ffhq.pkl --seeds=85"),
        ("sample faces --trunc_psi 0.5 --trunc_layers 8", "sample faces --trunc 0.5 --cutoff 8"),
        ("sample faces -n 4", "sample faces --num 4"),
        (
            "sweep -m faces -b smile_boundary.npy -s wp --start_distance -3 --end_distance 3 --steps 5",
            "sweep faces --space w_plus --from -3 --to 3 --steps 5 smile_boundary.npy",
        ),
        (
            "sweep faces d.npy -L 0-3 -K 5 --step 7",
            "sweep faces d.npy --layers 0-3 --first 5 --steps 7",
        ),
        ("mine sefa faces -L 0-1 -K 5", "mine sefa faces --layers 0-1 -k 5"),
        ("mine ganspace faces -c 80 --use_w -n 9", "mine ganspace faces -k 80 -n 9"),
        (
            "mine interfacegan faces -c w.npy -s a.npy -n 0.02 -r 0.7",
            "mine interfacegan faces --codes w.npy --scores a.npy --ratio 0.02 --split 0.7",
        ),
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


def test_old_words_give_the_same_pictures_and_are_in_no_help(run: Run, network: Path) -> None:
    old = ("--network", network, "--trunc_psi", 0.5, "--trunc_layers", 3, "-n", 2)
    assert run("sample", *old, "-o", "old").exit_code == 0
    new = (network, "--trunc", 0.5, "--cutoff", 3, "--seeds", "0-1")
    assert run("sample", *new, "-o", "new").exit_code == 0
    for seed in (0, 1):
        name = f"seed{seed:04d}.png"
        assert Path("old", name).read_bytes() == Path("new", name).read_bytes()
    assert "trunc_psi" not in run("sample", "--help").output

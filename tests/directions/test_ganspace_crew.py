"""GANSpace by a crew: the bits of one worker for any number of them, whoever dies, and nobody stays behind."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import steerx
from steerx.checkpoints import Checkpoint, model_id, read, write
from steerx.directions import GANSpace, components
from steerx.working import Crew, CrewError, one_thread
from tests.augmentation.processes import children
from tests.cli.commands import tiny_network

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")
CASES: list[dict[str, Any]] = [
    {},
    {"estimator": "ipca", "batch": 50},
    {"estimator": "ica", "layer": "act:1", "batch": 30},
    {"layer": "act:0", "batch": 40, "space": "z"},
    {"layer": "synthesis.layers.1.affine", "compat": "ganspace"},
]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_network(tmp_path_factory.mktemp("network") / "tiny.safetensors", seed=0)


def fitted(network: Path, workers: int, *, n: int = 200, **how: Any) -> GANSpace:
    crew = Crew(str(network), ("cpu",) * workers) if workers else None
    options = {name: how.pop(name) for name in ("seeds", "label", "watch") if name in how}
    with one_thread():
        return GANSpace(3, n=n, **how).fit(steerx.load(network), crew=crew, **options)


def same(one: GANSpace, two: GANSpace) -> bool:
    names = ("mean_", "covariance_", "explained_variance_", "random_stdevs_")
    pairs = [(getattr(one, name), getattr(two, name)) for name in names]
    pairs += [(one.directions_.vectors, two.directions_.vectors)]
    if one.activation_directions_ is not None:
        assert two.activation_directions_ is not None
        pairs += [(one.activation_directions_.vectors, two.activation_directions_.vectors)]
    return one.n_samples_ == two.n_samples_ and all(torch.equal(*pair) for pair in pairs)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_crew_finds_what_one_process_finds(network: Path, case: dict[str, Any]) -> None:
    one = fitted(network, 0, **case)
    assert same(one, fitted(network, 2, **case))
    assert children(os.getpid()) == []


def test_a_layer_that_is_read_three_times_needs_no_new_workers(
    network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(components, "FULL", 100)
    there: set[int] = set()
    case = {"layer": "act:1", "batch": 60}
    two = fitted(network, 2, watch=lambda count: there.update(children(os.getpid())), **case)
    assert len(there) == 2
    assert same(two, fitted(network, 0, **case)) and same(two, fitted(network, 1, **case))


def test_seeds_and_a_class_reach_the_workers(tmp_path: Path) -> None:
    network = tiny_network(tmp_path / "classes.safetensors", seed=1, c_dim=3)
    how: dict[str, Any] = {"seeds": range(5, 90), "batch": 20}
    two = fitted(network, 2, label=2, **how)
    assert same(two, fitted(network, 0, label=2, **how))
    assert not same(two, fitted(network, 0, label=0, **how))


def test_integers_of_numpy_reach_the_workers(network: Path) -> None:
    how: dict[str, Any] = {"seeds": np.arange(60), "batch": np.int64(20), "seed": np.int64(3)}
    assert same(fitted(network, 1, **how), fitted(network, 0, **how))


def test_a_worker_that_dies_changes_no_bit(network: Path) -> None:
    killed: list[int] = []

    def kill(count: int) -> None:
        if not killed:
            killed.append(children(os.getpid())[0])
            os.kill(killed[0], signal.SIGKILL)

    two = fitted(network, 2, batch=10, watch=kill)
    assert killed and same(two, fitted(network, 0, batch=10))


def test_what_is_read_is_counted(network: Path) -> None:
    for workers in (0, 2):
        told: list[int] = []
        fitted(network, workers, batch=70, watch=told.append)
        assert told == [70, 70, 60]
        told.clear()
        case = {"layer": "act:0", "batch": 5_000}
        method = GANSpace(3, n=200, **case)  # type: ignore[arg-type]
        fitted(network, workers, watch=told.append, **case)
        assert sum(told) == method.layer_runs(steerx.load(network))[1]


def test_what_workers_cannot_read_is_said_in_its_turn(network: Path, tmp_path: Path) -> None:
    known = read(network)
    bad = {k: v.clone() for k, v in known.tensors.items()}
    bad["synthesis.layers.1.bias"].fill_(3e38)
    file = tmp_path / "bad.safetensors"
    write(file, Checkpoint(known.family, known.config, bad, model_id(bad)))
    said = []
    for workers in (0, 1):
        with pytest.raises(ValueError, match=r"layer='act:2'.*NaN or infinity") as caught:
            fitted(file, workers, layer="act:2")
        assert not isinstance(caught.value, CrewError)
        said.append(str(caught.value))
    assert said[0] == said[1]
    assert children(os.getpid()) == []


def test_a_crew_of_another_network_is_refused(network: Path, tmp_path: Path) -> None:
    other = tiny_network(tmp_path / "other.safetensors", seed=5)
    G = steerx.load(network)
    with pytest.raises(CrewError, match="has other weights than the generator"):
        GANSpace(3, n=50).fit(G, crew=Crew(str(other), ("cpu",)))
    with pytest.raises(ValueError, match="crew are for a generator"):
        GANSpace(3).fit(torch.randn(50, 4), crew=Crew(str(network), ("cpu",)))
    assert children(os.getpid()) == []

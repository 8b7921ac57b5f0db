"""SeFa against the published eigenvectors, and what the factorisation must not depend on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from steerx.directions import SeFa
from steerx.directions.sefa import eigen_directions

LAYERS = ("all", "0-1", "2-5", "1,3", "0,2-3")


class Affines:
    """A generator of which only the affines exist: (slot, weight) per conv, and per to_rgb."""

    model_id = "f" * 64
    resolution = 32

    def __init__(
        self,
        convs: list[tuple[int, Tensor]],
        to_rgbs: list[tuple[int, Tensor]] = [],  # noqa: B006
        spaces: tuple[str, ...] = ("z", "w", "w_plus", "styles"),
    ) -> None:
        self.convs, self.to_rgbs, self.spaces = convs, to_rgbs, spaces
        self.num_ws = 1 + max(slot for slot, _ in convs + to_rgbs)

    def style_weights(
        self, layers: Sequence[int] | None = None, *, to_rgb: str = "last"
    ) -> list[Tensor]:
        picked = {"last": slice(-1, None), "none": slice(0), "first": slice(1), "all": slice(None)}
        rows = self.convs + self.to_rgbs[picked[to_rgb]]
        return [weight for slot, weight in rows if layers is None or slot in layers]


def stylegan2(data: np.lib.npyio.NpzFile) -> Affines:
    convs = [(i, torch.from_numpy(data[f"sd/synthesis.layer{i}.style.weight"])) for i in range(7)]
    rgbs = [
        (2 * b + 1, torch.from_numpy(data[f"sd/synthesis.output{b}.style.weight"]))
        for b in range(4)
    ]
    return Affines(convs, rgbs)


def stylegan(data: np.lib.npyio.NpzFile) -> Affines:
    return Affines(
        [(i, torch.from_numpy(data[f"sd/synthesis.layer{i}.style.weight"])) for i in range(8)]
    )


def pggan(data: np.lib.npyio.NpzFile) -> Affines:
    weight = torch.from_numpy(data["sd/layer0.weight"])  # [C, Z, 4, 4]
    return Affines([(0, weight.permute(0, 2, 3, 1).reshape(-1, weight.shape[1]))], spaces=("z",))


CASES = [
    *[("sefa_stylegan2_32px", stylegan2, layers) for layers in LAYERS],
    *[("sefa_stylegan_32px", stylegan, layers) for layers in LAYERS],
    ("sefa_pggan_32px", pggan, "all"),
]


@pytest.mark.parametrize(("name", "build", "layers"), CASES)
def test_published_eigenvectors(goldens: Path, name: str, build: object, layers: str) -> None:
    data = np.load(goldens / f"{name}.npz", allow_pickle=False)
    G = build(data)  # type: ignore[operator]
    size = len(data[f"sefa/{layers}/eigvals_raw"])
    method = SeFa(layers=layers, k=size).fit(G)
    raw = data[f"sefa/{layers}/eigvals_raw"]
    order = np.argsort(raw)[::-1]
    values = method.eigenvalues_.numpy()
    assert np.abs(values - raw[order]).max() <= 1e-5 * raw.max()
    theirs = data[f"sefa/{layers}/boundaries_raw"][order].astype(np.float64)
    cosines = np.abs((method.directions_.vectors.double().numpy() * theirs).sum(1))
    assert cosines.min() >= 0.9999
    columns = sum(len(w) for w in G.style_weights(data[f"sefa/{layers}/layers"].tolist()))
    assert abs(values.sum() - columns) <= 1e-6 * columns
    rows = tuple(data[f"sefa/{layers}/layers"].tolist())
    assert method.directions_.layers[0] == (None if layers == "all" else rows)


def test_facts_of_the_set(goldens: Path) -> None:
    G = stylegan2(np.load(goldens / "sefa_stylegan2_32px.npz", allow_pickle=False))
    d = SeFa(layers="2-5", k=3).fit(G).directions_
    assert (d.space, d.when, d.unit, d.motion) == ("w_plus", "after_truncation", "raw", "relative")
    assert d.names == ("sefa0", "sefa1", "sefa2")
    assert (d.model_id, d.resolution, d.score_name) == (G.model_id, 32, "eigenvalue")
    assert d.weight_source is not None and d.weight_source["to_rgb"] == "last"
    assert d.scores is not None and bool((d.scores.diff() <= 0).all())
    largest = d.vectors.gather(1, d.vectors.abs().argmax(dim=1, keepdim=True))
    assert bool((largest > 0).all())


@pytest.mark.parametrize("choice", ["none", "first", "last", "all"])
def test_to_rgb_choices_are_different_definitions(goldens: Path, choice: str) -> None:
    G = stylegan2(np.load(goldens / "sefa_stylegan2_32px.npz", allow_pickle=False))
    total = float(SeFa(to_rgb=choice).fit(G).eigenvalues_.sum())  # type: ignore[arg-type]
    expected = {"none": 208, "first": 240, "last": 224, "all": 320}[choice]
    assert abs(total - expected) <= 1e-6 * expected


def test_per_layer_is_a_loop_over_layers(goldens: Path) -> None:
    G = stylegan2(np.load(goldens / "sefa_stylegan2_32px.npz", allow_pickle=False))
    method = SeFa(layers="2-4", k=2, per_layer=True).fit(G)
    d = method.directions_
    assert d.names[:3] == ("layer2_0", "layer2_1", "layer3_0")
    assert d.layers == ((2,), (2,), (3,), (3,), (4,), (4,))
    assert method.eigenvalues_.shape == (3, 32)
    for row in (2, 3, 4):
        alone = SeFa(layers=str(row), k=2).fit(G).directions_
        assert torch.equal(d[[f"layer{row}_0", f"layer{row}_1"]].vectors, alone.vectors)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 100.0))
def test_scale_order_and_zero_rows_change_nothing(seed: int, factor: float) -> None:
    draw = torch.Generator().manual_seed(seed)
    weights = [torch.randn(c, 6, generator=draw).double() for c in (5, 9, 4)]
    values, vectors = eigen_directions(weights)
    gram = sum(
        ((w / w.norm(dim=1, keepdim=True)).T @ (w / w.norm(dim=1, keepdim=True)) for w in weights),
        torch.zeros(6, 6).double(),
    )
    residual = gram @ vectors.T - vectors.T * values
    assert residual.abs().max() <= 1e-9 * values[0]
    assert (vectors @ vectors.T - torch.eye(6).double()).abs().max() <= 1e-9
    changed = [weights[2].flip(0), -factor * weights[0], torch.zeros(3, 6), weights[1]]
    assert (eigen_directions(changed)[0] - values).abs().max() <= 1e-9 * values[0]


def test_a_channel_that_listens_to_nothing_gives_no_nan() -> None:
    weight = torch.randn(5, 6)
    weight[2] = 0
    method = SeFa(k=6).fit(Affines([(0, weight)]))
    assert bool(method.directions_.vectors.isfinite().all())
    assert abs(float(method.eigenvalues_.sum()) - 4) <= 1e-9


def test_without_normalisation_the_gain_counts() -> None:
    weights = [torch.randn(5, 6), torch.randn(5, 6)]
    plain, _ = eigen_directions(weights, normalize=False)
    expected = torch.linalg.svdvals(torch.cat(weights).double()) ** 2
    assert (plain - expected).abs().max() <= 1e-9 * plain[0]


def test_wrong_arguments_are_named() -> None:
    G = Affines([(i, torch.randn(5, 6)) for i in range(4)], [(4, torch.randn(5, 6))])
    with pytest.raises(ValueError) as caught:
        SeFa(layers="0-20").fit(G)
    assert str(caught.value) == (
        'SeFa(layers="0-20"): this generator has w slots 0-4; use layers="0-4" or "all"'
    )
    with pytest.raises(ValueError, match="k must be 1 to 6"):
        SeFa(k=7).fit(G)
    with pytest.raises(ValueError, match='no style weights for layers "4"'):
        SeFa(layers="4", to_rgb="none", k=2).fit(G)
    with pytest.raises(ValueError, match="no layers to choose"):
        SeFa(layers="0-1").fit(Affines([(0, torch.randn(5, 6))], spaces=("z",)))


def test_estimator_manners() -> None:
    method = SeFa(layers="0-6", k=5)
    assert method.get_params() == {
        "layers": "0-6",
        "k": 5,
        "normalize": True,
        "to_rgb": "last",
        "per_layer": False,
    }
    assert repr(method).startswith("SeFa(layers='0-6', k=5")
    assert not hasattr(method, "directions_")

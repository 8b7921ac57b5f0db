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


@pytest.mark.parametrize(("name", "build", "layers"), CASES)
def test_the_published_program_gives_this_set_of_vectors(
    goldens: Path, name: str, build: object, layers: str
) -> None:
    """Each stored vector is there once, with its eigenvalue; its place is not promised."""
    data = np.load(goldens / f"{name}.npz", allow_pickle=False)
    size = len(data[f"sefa/{layers}/eigvals_raw"])
    method = SeFa(layers=layers, k=size, compat="sefa").fit(build(data))  # type: ignore[operator]
    theirs = data[f"sefa/{layers}/boundaries_raw"].astype(np.float64)
    cosines = np.abs(method.directions_.vectors.double().numpy() @ theirs.T)
    places = cosines.argmax(1)
    assert sorted(places) == list(range(size))
    assert cosines.max(1).min() >= 0.9999
    values = data[f"sefa/{layers}/eigvals_raw"][places]
    assert np.abs(method.eigenvalues_.numpy() - values).max() <= 1e-5 * values.max()


def test_the_published_order_is_not_sorted_and_often_the_stored_one(goldens: Path) -> None:
    data = np.load(goldens / "sefa_stylegan2_32px.npz", allow_pickle=False)
    method = SeFa(k=32, compat="sefa").fit(stylegan2(data))
    values = method.eigenvalues_.numpy()
    assert (np.diff(values) > 0).any()
    assert method.directions_.weight_source is not None
    assert method.directions_.weight_source["order"] == "general eigensolver"
    stored = data["sefa/all/boundaries_raw"].astype(np.float64)
    cosines = np.abs((method.directions_.vectors.double().numpy() * stored).sum(1))
    assert (cosines > 0.999).sum() >= 16  # another LAPACK build may move some


def test_rosinality_is_the_svd_of_the_whole_model_before_truncation(goldens: Path) -> None:
    G = stylegan2(np.load(goldens / "sefa_stylegan2_32px.npz", allow_pickle=False))
    method = SeFa(k=32, compat="rosinality").fit(G)
    d = method.directions_
    matrix = torch.cat(G.style_weights(None, to_rgb="first")).double()
    assert len(matrix) == 240
    _, lengths, vh = torch.linalg.svd(matrix, full_matrices=False)
    assert (method.eigenvalues_ - lengths**2).abs().max() <= 1e-9 * lengths[0] ** 2
    assert (d.vectors.double() * vh).sum(1).abs().min() >= 0.9999
    assert (d.when, d.space, d.layers[0]) == ("before_truncation", "w_plus", None)
    assert d.weight_source == {
        "weights": "affine", "to_rgb": "first", "normalize": "none", "order": "descending",
    }  # fmt: skip


def test_e4e_moves_the_rows_below_the_ones_it_reads(goldens: Path) -> None:
    G = stylegan2(np.load(goldens / "sefa_stylegan2_32px.npz", allow_pickle=False))
    d = SeFa(layers="2-4", k=32, compat="e4e").fit(G).directions_
    read = SeFa(layers="2-4", k=32).fit(G).directions_
    assert d.layers[0] == (1, 2, 3)
    cosines = (d.vectors.double() @ read.vectors.double().T).abs()
    assert cosines.max(dim=1).values.min() >= 0.9999
    assert d.weight_source is not None and d.weight_source["rows_read"] == ["2-4"]
    everything = SeFa(compat="e4e").fit(G).directions_
    assert everything.layers[0] == (0, 1, 2, 3, 4, 5)  # convolutions 0-6, one below
    with pytest.raises(ValueError, match='layers "0" have none'):
        SeFa(layers="0", compat="e4e").fit(G)


def test_groups_are_a_loop_over_layer_strings(goldens: Path) -> None:
    G = stylegan2(np.load(goldens / "sefa_stylegan2_32px.npz", allow_pickle=False))
    method = SeFa(groups=["0-1", "2-5", "6,7"], k=2).fit(G)
    d = method.directions_
    assert d.names == (
        "layers0-1_0", "layers0-1_1", "layers2-5_0", "layers2-5_1", "layers6-7_0", "layers6-7_1",
    )  # fmt: skip
    assert method.eigenvalues_.shape == (3, 32)
    for k, text in enumerate(("0-1", "2-5", "6-7")):
        alone = SeFa(layers=text, k=2).fit(G).directions_
        some = d[2 * k : 2 * k + 2]
        assert torch.equal(some.vectors, alone.vectors)
        assert some.layers == alone.layers


def test_flipping_a_first_layer_spatially_changes_nothing(goldens: Path) -> None:
    data = np.load(goldens / "sefa_pggan_32px.npz", allow_pickle=False)
    kernel = torch.from_numpy(data["sd/layer0.weight"])
    plain, flipped = (
        Affines([(0, w.permute(0, 2, 3, 1).reshape(-1, w.shape[1]))], spaces=("z",))
        for w in (kernel, kernel.flip(2, 3))
    )
    a, b = (SeFa(k=32).fit(G) for G in (plain, flipped))
    assert (a.directions_.vectors - b.directions_.vectors).abs().max() <= 1e-5
    assert (a.eigenvalues_ - b.eigenvalues_).abs().max() <= 1e-9 * a.eigenvalues_[0]


@pytest.mark.parametrize("descending", [True, False])
def test_values_are_not_negative_and_near_equal_ones_span_the_same(descending: bool) -> None:
    frame = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64)).Q
    spread = torch.tensor([4.0, 3.0, 3.0 + 1e-12, 1.0, 0.5, 0.0], dtype=torch.float64)
    rows = [spread.sqrt()[:, None] * frame]
    values, vectors = eigen_directions(rows, normalize=False, descending=descending)
    order = values.argsort(descending=True)
    assert bool((values >= 0).all())
    pair = vectors[order][1:3]
    basis = torch.linalg.qr(pair.T).Q
    assert (basis @ basis.T - frame[1:3].T @ frame[1:3]).abs().max() <= 1e-5


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"compat": "ganspace"}, 'compat must be None, "sefa", "rosinality" or "e4e"'),
        ({"compat": "sefa", "normalize": False}, "that program has normalize=True"),
        ({"compat": "rosinality", "normalize": True}, "that program has normalize=False"),
        ({"compat": "e4e", "to_rgb": "all"}, "that program has to_rgb='none'"),
        ({"compat": "rosinality", "layers": "0-1"}, "the whole network; leave out layers"),
        ({"compat": "rosinality", "per_layer": True}, "the whole network; leave out per_layer"),
        ({"compat": "rosinality", "groups": ["0"]}, "the whole network; leave out groups"),
        ({"groups": ["0"], "layers": "0-1"}, "leave out layers"),
        ({"groups": ["0"], "per_layer": True}, "leave out per_layer"),
        ({"groups": 5}, "groups must be layer strings"),
        ({"k": 2.5}, "SeFa(k=2.5): k must be 1 to 6"),
        ({"groups": []}, "groups must be layer strings"),
        ({"groups": "0-1"}, "groups must be layer strings"),
        ({"groups": [0, 1]}, "groups must be layer strings"),
        ({"groups": ["0-1", "1,0"]}, "groups must differ"),
        ({"groups": ["0-1", "5-2"]}, 'SeFa.groups(layers="5-2"): the range "5-2" is reversed'),
        ({"groups": ["0-1", "2-9"]}, "this generator has w slots 0-4"),
        ({"compat": "e4e", "layers": "4", "k": 2}, 'no style weights for layers "4"'),
    ],
)
def test_parameters_that_contradict_one_another(fields: dict[str, object], part: str) -> None:
    G = Affines([(i, torch.randn(5, 6)) for i in range(4)], [(4, torch.randn(5, 6))])
    with pytest.raises(ValueError) as caught:
        SeFa(**fields).fit(G)  # type: ignore[arg-type]
    assert part in str(caught.value) and "\n" not in str(caught.value)


def test_variants_of_style_weights_need_styles() -> None:
    G = Affines([(0, torch.randn(5, 6))], spaces=("z",))
    for compat in ("rosinality", "e4e"):
        with pytest.raises(ValueError, match="z alone; leave out compat="):
            SeFa(compat=compat).fit(G)  # type: ignore[arg-type]


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
        "normalize": None,
        "to_rgb": None,
        "per_layer": False,
        "groups": None,
        "compat": None,
    }
    assert repr(method).startswith("SeFa(layers='0-6', k=5")
    assert not hasattr(method, "directions_")

"""The StyleGAN2 network: the published numbers, its spaces, truncation, labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import steerx
from tests.tiny import tiny_generator


@pytest.fixture(scope="module")
def golden(goldens: Path) -> dict[str, torch.Tensor]:
    with np.load(goldens / "sefa_stylegan2_32px.npz", allow_pickle=False) as file:
        return {key: torch.from_numpy(np.asarray(file[key])) for key in file.files}


@pytest.fixture(scope="module")
def published(
    golden: dict[str, torch.Tensor], tmp_path_factory: pytest.TempPathFactory
) -> steerx.Generator:
    """The golden weights on the whole LOAD road: a genforce .pth, read and built."""
    path = tmp_path_factory.mktemp("golden") / "stylegan2.pth"
    state = {k.removeprefix("sd/"): v for k, v in golden.items() if k.startswith("sd/")}
    torch.save({"generator_smooth": state}, path)
    return steerx.load(path)


def test_mapping_equals_the_published_numbers(published, golden) -> None:
    w = published.mapping(golden["in/z"])
    assert (w - golden["out/w"]).abs().max() <= 1e-5


@pytest.mark.parametrize("psi, cutoff", [(0.7, 8), (0.5, 4), (1.0, 0)])
def test_truncation_and_images_equal_the_published_numbers(published, golden, psi, cutoff) -> None:
    w_plus = published.codes(z=golden["in/z"], space="w_plus", psi=psi, cutoff=cutoff)
    assert (w_plus - golden[f"out/wp_psi{psi}_l{cutoff}"]).abs().max() <= 1e-5
    images = published.renderer.render(published.styles(w_plus))
    assert (images - golden[f"out/image_psi{psi}_l{cutoff}"]).abs().max() <= 1e-4


def test_styles_equal_the_published_numbers(published, golden) -> None:
    styles = published.codes(z=golden["in/z"], space="styles")
    convs = [s for row, s in zip(published.style_rows, styles, strict=True) if not row.to_rgb]
    to_rgbs = [s for row, s in zip(published.style_rows, styles, strict=True) if row.to_rgb]
    for i, style in enumerate(convs):
        assert (style - golden[f"out/style{i:02d}"]).abs().max() <= 1e-5
    for i, style in enumerate(to_rgbs):
        assert (style - golden[f"out/output_style{i}"]).abs().max() <= 1e-5


def test_pixels_equal_the_published_ones(published, golden) -> None:
    styles = published.codes(z=golden["in/z"], space="styles", psi=0.7, cutoff=8)
    pixels = published.renderer.render(styles, out="uint8").int()
    assert (pixels - golden["out/postprocess_u8"].int()).abs().max() <= 1


@pytest.mark.parametrize("layers", ["0-1", "2-5"])
def test_a_sefa_sweep_equals_the_published_pictures(published, golden, layers) -> None:
    vector = golden[f"sefa/{layers}/sweep_dir"].float()
    low, high = (int(i) for i in layers.split("-"))
    directions = steerx.Directions(
        vector[None],
        space="w_plus",
        layers=tuple(range(low, high + 1)),
        when="after_truncation",
    )
    w_plus = published.codes(z=golden["in/z"][:1], psi=0.7, cutoff=8)
    alphas = torch.linspace(-3, 3, 5)
    edited = steerx.edit(w_plus.expand(5, -1, -1), directions, alpha=alphas[:, None])
    images = published.renderer.render(published.styles(edited))
    assert (images - golden[f"sefa/{layers}/sweep_top1_images"]).abs().max() <= 1e-4


def test_sefa_of_the_loaded_network_finds_the_published_directions(published, golden) -> None:
    for layers in ("all", "0-1", "2-5", "1,3", "0,2-3"):
        fitted = steerx.SeFa(layers=layers, k=32).fit(published)
        values = golden[f"sefa/{layers}/eigvals_raw"].double().sort(descending=True)
        assert torch.allclose(fitted.eigenvalues_.double(), values.values, rtol=1e-5, atol=1e-5)
        vectors = golden[f"sefa/{layers}/boundaries_raw"][values.indices].double()
        cosines = (fitted.directions_.vectors.double() * vectors).sum(1).abs()
        assert cosines.min() >= 0.9999


def test_seed_85_is_the_face_everyone_knows_as_seed_85(tiny) -> None:
    expected = np.random.RandomState(85).randn(1, tiny.z_dim).astype(np.float32)
    assert np.array_equal(tiny.codes(seeds=85, space="z").numpy(), expected)
    assert np.array_equal(tiny.codes(seeds="3,85", space="z")[1:].numpy(), expected)


def test_the_spaces_follow_from_each_other(tiny) -> None:
    z = tiny.codes(seeds="0-4", space="z")
    w = tiny.codes(z=z, space="w")
    w_plus = tiny.codes(z=z, space="w_plus", psi=0.6, cutoff=2)
    assert w_plus.shape == (5, tiny.num_ws, tiny.w_dim)
    w_avg = tiny.mapping.w_avg
    torch.testing.assert_close(w_plus[:, 0], w_avg + 0.6 * (w - w_avg))
    assert torch.equal(w_plus[:, 2], w)
    for ours, theirs in zip(
        tiny.codes(z=z, space="styles", psi=0.6, cutoff=2), tiny.styles(w_plus), strict=True
    ):
        assert torch.equal(ours, theirs)
    assert tiny.codes(z=z, space="act:1").shape == (5, 9, 8, 8)
    assert torch.equal(tiny.truncate(w, psi=1.0)[:, 3], w)
    torch.testing.assert_close(tiny.truncate(w, psi=0.0)[2, 3], w_avg)


def test_packing_is_a_round_trip(tiny) -> None:
    styles = tiny.codes(seeds="0-2", space="styles")
    packed = tiny.pack(styles)
    assert packed.shape == (3, sum(row.channels for row in tiny.style_rows))
    for ours, theirs in zip(tiny.unpack(packed), styles, strict=True):
        assert torch.equal(ours, theirs)


def test_steps_are_the_affine_without_its_bias(tiny) -> None:
    w_plus = tiny.codes(seeds="0-2")
    step = torch.randn_like(w_plus)
    moved = tiny.styles(w_plus + step)
    for before, after, change in zip(
        tiny.styles(w_plus), moved, tiny.style_steps(step), strict=True
    ):
        torch.testing.assert_close(after - before, change, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("to_rgb, rows", [("none", 5), ("last", 6), ("first", 6), ("all", 8)])
def test_style_weights_take_the_to_rgb_rows_asked_for(tiny, to_rgb, rows) -> None:
    assert len(tiny.style_weights(to_rgb=to_rgb)) == rows


def test_style_weights_of_a_slot_are_its_rows(tiny) -> None:
    weights = tiny.style_weights([1], to_rgb="all")
    assert [list(w.shape) for w in weights] == [[10, 12], [10, 12]]
    assert torch.equal(weights[0], tiny.synthesis.to_rgbs[0].affine.weight)
    assert torch.equal(weights[1], tiny.synthesis.layers[1].affine.weight)


def test_labels_reach_w_in_every_form() -> None:
    G = tiny_generator(c_dim=3)
    z = G.codes(seeds="0-1", space="z")
    one = G.codes(z=z, space="w", label=2)
    hot = torch.tensor([[0.0, 0.0, 1.0]] * 2)
    assert torch.equal(one, G.codes(z=z, space="w", label=[2, 2]))
    assert torch.equal(one, G.codes(z=z, space="w", label=hot))
    assert not torch.allclose(one, G.codes(z=z, space="w", label=0))


@pytest.mark.parametrize(
    "arguments, error",
    [
        ({"seeds": 0}, "a conditional generator needs a class 0-2"),
        ({"seeds": 0, "label": 3}, "classes are integers 0-2"),
        ({"seeds": 0, "label": [0, 1]}, r"label must be \[N\] with N = 1, got \[2\]"),
        ({"seeds": 0, "label": 1, "psi": float("nan")}, "psi must be a finite number"),
        ({"seeds": 0, "label": 1, "cutoff": 9}, "cutoff must be None"),
        ({"seeds": 0, "label": 1, "space": "x"}, "no space 'x'; spaces are z, w, w_plus"),
        ({"seeds": -1, "label": 1}, "seeds must be integers 0"),
        (
            {"z": torch.zeros(2, 7), "label": 1},
            r"codes: z must be \[N, Z\] with Z = 8, got \[2, 7\]",
        ),
        ({}, "give seeds or z"),
    ],
)
def test_wrong_codes_say_what_to_do(arguments, error) -> None:
    with pytest.raises(ValueError, match=error):
        tiny_generator(c_dim=3).codes(**arguments)


def test_a_label_on_a_network_without_classes_is_refused(tiny) -> None:
    with pytest.raises(ValueError, match="this generator has no classes"):
        tiny.codes(seeds=0, label=1)


def test_gradients_reach_codes_styles_and_weights() -> None:
    G = tiny_generator(conv_clamp=256.0).double().requires_grad_(True)
    z = torch.randn(2, 8, dtype=torch.float64, requires_grad=True)
    G.synthesis(G.mapping(z)).square().mean().backward()
    assert z.grad is not None and z.grad.abs().min() > 0
    missing = [name for name, p in G.named_parameters() if p.grad is None or not p.grad.any()]
    assert missing == []


def test_a_generator_with_z_alone_is_legal(conv_generator) -> None:
    G = conv_generator
    z = G.codes(seeds="0-2", space="z")
    assert G.renderer.render(G.enter(z, space="z"), out="uint8").shape == (3, 8, 8, 3)
    with pytest.raises(ValueError, match="no space 'w'; spaces are z"):
        G.codes(seeds=0, space="w")
    with pytest.raises(ValueError, match="has no styles; its spaces are z"):
        G.style_weights()


def test_slots_of_w_plus_are_their_own(tiny) -> None:
    w_plus = tiny.codes(seeds="0-1")
    other = w_plus[:, 0].clone()
    w_plus[:, 3] += 1
    assert torch.equal(w_plus[:, 0], other)


def test_a_conditional_network_maps_in_float64() -> None:
    G = tiny_generator(c_dim=3).double()
    assert G.codes(seeds=0, label=1, space="w").dtype == torch.float64


def test_the_mapping_module_takes_labels_in_every_form() -> None:
    G = tiny_generator(c_dim=3)
    z = G.codes(seeds="0-1", space="z")
    assert torch.equal(G.mapping(z, 2), G.codes(z=z, label=[2, 2], space="w"))


@pytest.mark.parametrize("seeds", [3, np.int64(3), "3", [3], np.array([3])])
def test_one_seed_may_come_in_many_forms(tiny, seeds) -> None:
    assert torch.equal(tiny.codes(seeds=seeds), tiny.codes(seeds=range(3, 4)))


def test_style_weights_refuse_what_is_not_there(tiny) -> None:
    with pytest.raises(ValueError, match=r"layers are w slots 0-5, got \[99\]"):
        tiny.style_weights([99])
    with pytest.raises(
        ValueError, match="to_rgb must be one of none, first, last, all, got 'junk'"
    ):
        tiny.style_weights(to_rgb="junk")

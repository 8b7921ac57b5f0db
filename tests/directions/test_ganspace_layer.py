"""GANSpace of a layer: names, exact components, regression back to the latent, bad input."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

import steerx
from steerx._seeds import normal
from steerx.directions import GANSpace, components
from steerx.directions.activations import Layer, layer_shapes
from tests.tiny import PlainConvGenerator, tiny_generator


def rows_of(n: int, features: int) -> Tensor:
    draw = torch.Generator().manual_seed(4)
    spread = torch.cat([torch.tensor([9.0, 7, 5, 4]), torch.full((features - 4,), 0.3)])
    mix = torch.linalg.qr(torch.randn(features, features, generator=draw)).Q
    return 100 + (torch.randn(n, features, generator=draw) * spread) @ mix


def test_a_generator_lists_its_layers() -> None:
    shapes = layer_shapes(tiny_generator())
    assert shapes["act:0"] == (10, 4, 4) and shapes["mapping"] == (12,)
    assert shapes["synthesis.layers.1"] == shapes["act:1"]
    assert "synthesis" not in shapes  # never runs as a module
    assert set(layer_shapes(PlainConvGenerator())) == {"net", "net.0", "net.1", "net.2"}


def test_a_batch_is_as_large_as_what_is_made_up_to_its_layer() -> None:
    G = tiny_generator()
    for names in (("act:0", "act:1", "act:2"), ("mapping", "synthesis.layers.0")):
        sizes = [Layer(G, name).batch for name in names]
        assert sizes == sorted(sizes, reverse=True)
        assert sizes[0] > 2 * sizes[-1]
    assert Layer(G, "act:0").batch == (1 << 25) // (4 * 160)


@pytest.mark.parametrize("layer", ["act:1", "synthesis.layers.1"])
def test_components_of_activations_are_exact_and_the_batch_does_not_matter(layer: str) -> None:
    G = tiny_generator()
    one = GANSpace(3, layer=layer, n=300, batch=300).fit(G)
    other = GANSpace(3, layer=layer, n=300, batch=77).fit(G)
    found = one.activation_directions_
    assert found is not None and other.activation_directions_ is not None
    x = G.codes(z=normal(0, torch.arange(300), 8), space="act:1")
    assert isinstance(x, Tensor)
    rows = x.flatten(1).double().numpy()
    values, columns = np.linalg.eigh(np.cov(rows.T))
    assert np.abs((found.vectors.numpy() * columns.T[::-1][:3]).sum(1)).min() >= 0.9999
    assert np.allclose(found.scale.numpy(), np.sqrt(values[::-1][:3]), rtol=1e-4)
    assert found.mean is not None and np.allclose(found.mean.numpy(), rows.mean(0), atol=1e-4)
    assert (found.vectors - other.activation_directions_.vectors).abs().max() <= 1e-4
    assert (one.directions_.vectors - other.directions_.vectors).abs().max() <= 1e-4
    assert found.space == f"act:{layer.removeprefix('act:')}"
    assert found.provenance["shape"] == [9, 8, 8]
    assert float(one.random_stdevs_.max()) < float(found.scale[0])
    assert (one.directions_.space, one.directions_.vectors.shape) == ("w", (3, 12))


@pytest.mark.parametrize("space", ["w", "z"])
def test_regression_recovers_a_planted_map(space: str) -> None:
    G = tiny_generator()
    if space == "z":  # a linear network from z, as the first convolution is
        G2 = PlainConvGenerator()
        method = GANSpace(3, space="z", layer="net.0", n=20_000).fit(G2)
        weight = G2.net[0].weight.detach().flatten(1).T.double()
        spread = torch.eye(6).double()
        assert torch.equal(method.directions_.scale, torch.ones(3))
    else:
        method = GANSpace(3, layer="synthesis.layers.0.affine", n=20_000).fit(G)
        weight = G.synthesis.layers[0].affine.weight.double()  # type: ignore[union-attr, operator]
        spread = method.covariance_
        u = method.directions_.vectors.double()
        assert torch.allclose(
            method.directions_.scale.double(), ((u @ spread) * u).sum(1).sqrt(), rtol=1e-5
        )
    found = method.activation_directions_
    assert found is not None
    wanted = found.vectors.double() @ weight @ spread
    cosines = torch.nn.functional.cosine_similarity(wanted, method.directions_.vectors.double())
    assert float(cosines.min()) >= 0.999


def test_the_mapping_as_a_layer_is_w_itself() -> None:
    G = tiny_generator()
    plain = GANSpace(4, n=12_000).fit(G).directions_
    layered = GANSpace(4, n=12_000, layer="mapping").fit(G).directions_
    assert float((plain.vectors * layered.vectors).sum(1).min()) >= 0.999
    assert torch.allclose(plain.scale, layered.scale, rtol=0.05)


def test_a_class_has_components_of_its_own() -> None:
    G = tiny_generator(2, c_dim=3)
    sets = [GANSpace(2, n=400, layer="act:0").fit(G, label=c).directions_ for c in (0, 1)]
    assert [d.label for d in sets] == [0, 1]
    assert not torch.allclose(sets[0].vectors, sets[1].vectors, atol=1e-3)
    with pytest.raises(ValueError, match="has no classes"):
        GANSpace(2, n=50, layer="act:0").fit(tiny_generator(), label=1)
    with pytest.raises(ValueError, match="needs a class 0-2"):
        GANSpace(2, n=50, layer="act:0").fit(G)


def test_a_range_of_layers_moves_those_rows_alone() -> None:
    G = tiny_generator()
    d = GANSpace(2, n=300, layer="act:2", layers="1-3").fit(G).directions_
    assert d.layers == ((1, 2, 3),) * 2
    base = G.codes(seeds=[0], space="w_plus")
    assert isinstance(base, Tensor)
    moved = steerx.edit(base, d[0], alpha=2.0)
    assert isinstance(moved, Tensor)
    step = (moved - base)[0]
    assert not step[[0, 4, 5]].any()
    assert torch.allclose(step[1:4], (2 * d.scale[0] * d.vectors[0]).expand(3, -1), atol=1e-5)


def test_a_centred_strip_has_the_coordinates_that_alpha_says() -> None:
    G = tiny_generator()
    method = GANSpace(2, n=2000, centred=True).fit(G)
    d, w = method.directions_, G.codes(seeds=range(4), space="w")
    assert isinstance(w, Tensor)
    for alpha in torch.linspace(-2, 2, 5).tolist():
        moved = steerx.edit(w, d[0], alpha=alpha)
        assert isinstance(moved, Tensor)
        coordinate = (moved.double() - method.mean_) @ d.vectors[0].double()
        assert (coordinate - alpha * float(d.scale[0])).abs().max() <= 1e-5


def test_block_iteration_finds_what_the_covariance_has(monkeypatch: pytest.MonkeyPatch) -> None:
    chunks = rows_of(600, 60).split(97)
    exact = components.components(lambda: iter(chunks), 4, 60, "pca", seed=0, batch=97)
    monkeypatch.setattr(components, "FULL", 10)
    found = components.components(lambda: iter(chunks), 4, 60, "pca", seed=0, batch=97)
    assert found.covariance is None and exact.covariance is not None
    assert float((found.vectors * exact.vectors).sum(1).abs().min()) >= 0.9999
    assert torch.allclose(found.stdev, exact.stdev, rtol=1e-4)
    assert torch.allclose(found.variance_ratio, exact.variance_ratio, rtol=1e-4)
    assert torch.allclose(found.mean, exact.mean, atol=1e-9)
    assert float(found.random_stdevs.max()) < float(found.stdev[0])
    same = torch.full((20, 60), 3.0)
    with pytest.raises(ValueError, match="all 20 codes are the same"):
        components.components(lambda: iter([same]), 4, 60, "pca", seed=0, batch=97)


def test_bad_input_of_a_layer() -> None:
    G = tiny_generator()
    with pytest.raises(ValueError, match=r"no such layer \(did you mean 'act:1'.*act:0, act:1"):
        GANSpace(2, layer="act:11", n=50).fit(G)
    with pytest.raises(ValueError, match="k must be 1 to 160, the size of layer act:0"):
        GANSpace(161, layer="act:0", n=500).fit(G)
    with pytest.raises(ValueError, match="need more than 5 codes, got 5"):
        GANSpace(5, layer="act:0", n=5).fit(G)
    with pytest.raises(ValueError, match="w slots 0-5"):
        GANSpace(2, layer="act:0", layers="0-9", n=50).fit(G)
    with pytest.raises(ValueError, match="moves all layers alike"):
        GANSpace(2, layer="act:0", layers="0-1", space="z", n=50).fit(G)
    with pytest.raises(ValueError, match="moves all layers alike"):
        GANSpace(2, layers="0-1", centred=True, n=50).fit(G)
    with pytest.raises(ValueError, match="has no w"):
        GANSpace(2, layer="net.0", n=50).fit(PlainConvGenerator())
    with pytest.raises(ValueError, match="fit a generator"):
        GANSpace(2, layer="act:0").fit(torch.randn(50, 5))
    with torch.no_grad():  # an affine of rank 3
        tight = tiny_generator()
        tight.synthesis.layers[0].affine.weight[:, 3:] = 0  # type: ignore[union-attr, operator, index]
    with pytest.raises(ValueError, match="varies in 3 directions only"):
        GANSpace(5, layer="synthesis.layers.0.affine", n=200).fit(tight)
    with torch.no_grad():
        G.synthesis.layers[0].bias.fill_(torch.nan)  # type: ignore[union-attr, operator]
    with pytest.raises(ValueError, match="puts out NaN or infinity"):
        GANSpace(2, layer="act:0", n=50).fit(G)
    still = tiny_generator()
    with torch.no_grad():
        still.synthesis.layers[0].affine.weight.zero_()  # type: ignore[union-attr, operator]
    with pytest.raises(ValueError, match="all 50 codes are the same"):
        GANSpace(2, layer="synthesis.layers.0.affine", n=50).fit(still)

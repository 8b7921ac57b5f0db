"""The three methods on a real (small, untrained) network: they ask for nothing it does not have."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from steerx.checkpoints import StyleGAN2Config
from steerx.directions import Directions, GANSpace, InterFaceGAN, SeFa, as_directions
from steerx.generators import StyleGAN2


@pytest.fixture(scope="module")
def network() -> StyleGAN2:
    config = StyleGAN2Config(
        z_dim=12,
        c_dim=3,
        w_dim=10,
        resolution=16,
        img_channels=3,
        channels={4: 8, 8: 6, 16: 5},
        mapping_layers=2,
        embed_dim=12,
    )
    torch.manual_seed(0)
    G = StyleGAN2(config).eval()
    G.model_id = "e" * 64
    return G


def test_sefa_reads_the_affines(network: StyleGAN2) -> None:
    method = SeFa(k=4).fit(network)
    channels = sum(row.channels for row in network.style_rows if not row.to_rgb)
    expected = channels + network.style_rows[-1].channels  # the last to_rgb counts
    assert abs(float(method.eigenvalues_.sum()) - expected) <= 1e-6 * expected
    per_layer = SeFa(k=2, per_layer=True).fit(network).directions_
    assert len(per_layer) == 2 * network.num_ws
    with pytest.raises(ValueError, match=r"this generator has w slots 0-5"):
        SeFa(layers="0-20").fit(network)


def test_ganspace_samples_its_mapping(network: StyleGAN2) -> None:
    method = GANSpace(k=4, n=300, batch=64).fit(network, label=1)
    seeded = GANSpace(k=4).fit(network, label=1, seeds=range(300))
    w = network.codes(seeds=range(300), space="w", label=1)
    assert (seeded.mean_ - w.double().mean(dim=0)).abs().max() <= 1e-5
    assert (method.mean_ - seeded.mean_).abs().max() > 1e-6
    assert method.directions_.label == 1
    with pytest.raises(ValueError, match="conditional"):
        GANSpace(k=4, n=300).fit(network)


def test_a_set_knows_its_network_through_its_file(network: StyleGAN2, tmp_path: Path) -> None:
    w = network.codes(seeds=range(200), space="w", label=0)
    method = InterFaceGAN(0.3, names="brightness").fit(w, w[:, 0], network, label=0)
    method.directions_.save(tmp_path / "brightness.safetensors")
    d = as_directions(tmp_path / "brightness.safetensors")
    d.check_model(network.model_id, network.resolution)
    with pytest.raises(ValueError, match="any_checkpoint"):
        d.check_model("0" * 64, network.resolution)
    with pytest.raises(ValueError, match="16 px"):
        d.check_model(network.model_id, 32)
    clean = d.orthogonal_to(as_directions(GANSpace(k=1).fit(w)))
    assert isinstance(clean, Directions) and clean.model_id == network.model_id

"""StyleGAN3 of the published sizes with random weights: what its filters pass sets rates, sizes and channels.

Source: Karras et al. 2021 (StyleGAN3), section 3.3 and appendix D.
"""

from __future__ import annotations

import math

import torch

from steerx.checkpoints import FilteredLayer, StyleGAN3Config
from steerx.generators import StyleGAN3

LAYERS, CRITICAL, MARGIN, TAPS = 14, 2, 10, 6


def config(resolution: int, most: int, *, rotation: bool) -> StyleGAN3Config:
    """T, or R with `rotation`: 1x1 kernels, twice the channels, radial filters; at most so many channels."""
    scale, kernel = (2, 1) if rotation else (1, 3)
    # Cutoff and stopband rise geometrically; the last layers and to_rgb are sampled critically.
    exponents = [min(i / (LAYERS - CRITICAL), 1.0) for i in range(LAYERS + 1)]
    cutoffs = [2.0 * (resolution / 4) ** e for e in exponents]
    stops = [2**2.1 * (resolution / 2 * 2**0.3 / 2**2.1) ** e for e in exponents]
    rates = [2 ** math.ceil(math.log2(min(2 * s, resolution))) for s in stops]
    channels = [round(min(scale * 32768 / 2 / c, scale * most)) for c in cutoffs]
    sizes = [rate + 2 * MARGIN for rate in rates]
    sizes[-2:] = [resolution] * 2
    layers, before, rate = [], sizes[0], rates[0]
    for i in range(LAYERS):
        middle = 2 * max(rate, rates[i])
        up, down = middle // rate, middle // rates[i]
        radial = rotation and cutoffs[i] * 2 < rates[i]
        room = (sizes[i] - 1) * down + TAPS * (up + down) - 1 - (before + kernel - 1) * up
        around = ((room + up) // 2, room - (room + up) // 2)
        layers.append(
            FilteredLayer(
                sizes[i],
                channels[i],
                kernel,
                up,
                down,
                (*around, *around),
                (TAPS * up,),
                (TAPS * down,) * (2 if radial else 1),
            )
        )
        before, rate = sizes[i], rates[i]
    layers.append(FilteredLayer(resolution, 3, 1, 1, 1, (0, 0, 0, 0), (), ()))
    return StyleGAN3Config(
        z_dim=512,
        c_dim=0,
        w_dim=512,
        resolution=resolution,
        img_channels=3,
        mapping_layers=2,
        embed_dim=0,
        input_size=sizes[0],
        input_channels=channels[0],
        sampling_rate=float(rates[0]),
        bandwidth=cutoffs[0],
        layers=tuple(layers),
        output_scale=0.25,
        conv_clamp=256.0,
    )


def random_stylegan3(resolution: int, most: int, *, rotation: bool) -> StyleGAN3:
    torch.manual_seed(0)
    return StyleGAN3(config(resolution, most, rotation=rotation)).requires_grad_(False).eval()

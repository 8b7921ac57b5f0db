"""Per-layer noise: where it comes from in each mode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from .._seeds import subkey
from .._shapes import one_device

NoiseMode = Literal["const", "random", "none", "sample"]
_PLAIN = ("const", "random", "none")


@dataclass(frozen=True)
class SampleNoise:
    """Noise drawn by counter: sample n's noise depends on (key, ids[n], layer) alone, not on the batch.

    Attributes:
        key: 64-bit key of the job.
        ids: sample ids [N], int64.
    """

    key: int
    ids: Tensor

    def rows(self, index: Tensor | slice) -> SampleNoise:
        """The noise of some of the samples."""
        return SampleNoise(self.key, self.ids[index])


@dataclass(frozen=True, eq=False)
class NoiseMaps:
    """Noise pictures of each sample, given: those that a projection learns.

    Attributes:
        maps: number of a style_layer -> [N, 1, H, W], with gradients; other layers keep their own.
    """

    maps: Mapping[int, Tensor]


Noise = Literal["const", "random", "none"] | SampleNoise | NoiseMaps


def noise_of(
    caller: str, mode: NoiseMode, key: int, ids: Sequence[int], device: torch.device
) -> Noise:
    """What a renderer takes, of a mode by name; "sample" draws by the ids of the samples.

    Raises:
        ValueError: an unknown mode.
    """
    if mode == "sample":
        return SampleNoise(key, torch.tensor(ids, dtype=torch.int64, device=device))
    if mode not in _PLAIN:
        raise ValueError(
            f"{caller}: noise_mode must be one of {', '.join(get_args(NoiseMode))}, got {mode!r}"
        )
    return mode


def layer_noise(
    noise: Noise, const: Tensor, *, layer: int, batch: int, dtype: torch.dtype
) -> dict[str, Any]:
    """Arguments of `steerx.ops.style_layer` for one layer's noise.

    Args:
        noise: mode, `SampleNoise` or `NoiseMaps`.
        const: the layer's own noise picture [H, W].
        layer: number of the style_layer.
        batch: N.
        dtype: of a random draw.

    Raises:
        ValueError, TypeError: an unknown mode, or ids of another batch, dtype or device.
    """
    if isinstance(noise, SampleNoise):
        if not isinstance(noise.ids, Tensor) or noise.ids.dtype != torch.int64:
            came = getattr(noise.ids, "dtype", type(noise.ids).__name__)
            raise TypeError(f"render: SampleNoise needs int64 ids [N], got {came}")
        if noise.ids.shape != (batch,):
            raise ValueError(
                f"render: SampleNoise needs one id per image, N = {batch}, got {list(noise.ids.shape)}"
            )
        one_device("render: SampleNoise", noise.ids, const)
        return {"sample_ids": noise.ids, "noise_key": subkey(noise.key, layer)}
    if isinstance(noise, NoiseMaps):
        return {"noise": noise.maps.get(layer, const)}
    if noise == "none":
        return {}
    if noise == "const":
        return {"noise": const}
    if noise == "random":
        return {"noise": torch.randn(batch, 1, *const.shape, dtype=dtype, device=const.device)}
    raise ValueError(
        f"render: noise must be one of {', '.join(_PLAIN)}, SampleNoise or NoiseMaps, got {noise!r}"
    )

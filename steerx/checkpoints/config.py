"""What a StyleGAN2 generator is in numbers: the config, its bounds, the tensors it promises."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Protocol

from steerx.checkpoints import bounds
from steerx.checkpoints.bounds import MAX_DIM, bad
from steerx.checkpoints.mapping_numbers import mapping_shapes


class Promises(Protocol):
    """What every config tells: the tensors of its network."""

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of every tensor of the canonical form, in order of execution."""
        ...


def expected_shapes(config: Promises) -> dict[str, tuple[int, ...]]:
    """Names and shapes of every tensor of the canonical form, in order of execution."""
    return config.shapes()


@dataclass(frozen=True)
class StyleGAN2Config:
    """The numbers that fix every tensor of a StyleGAN2 generator with skip connections.

    Attributes:
        z_dim: width of z.
        c_dim: number of classes of a conditional model, 0 without labels.
        w_dim: width of w (D); the hidden width of the mapping network too.
        resolution: pixels of a side, a power of two.
        img_channels: channels of the image.
        channels: feature channels at each resolution 4, 8, ..., `resolution`.
        mapping_layers: fully connected layers between z and w.
        embed_dim: width of the embedded label, 0 where `c_dim` is 0.
        conv_clamp: every layer's output is clamped to [-conv_clamp, conv_clamp]; None = never.
        w_avg_rows: 1 for one mean w [D], or `num_ws` for one per w slot [L, D].
        filter_shape: taps of the upsampling filter, (rows, columns).

    Raises:
        CheckpointError: `bad-structure` where a number is outside its bounds.
    """

    z_dim: int
    c_dim: int
    w_dim: int
    resolution: int
    img_channels: int
    channels: dict[int, int] = field(hash=False)
    mapping_layers: int
    embed_dim: int = 0
    conv_clamp: float | None = None
    w_avg_rows: int = 1
    filter_shape: tuple[int, int] = (4, 4)
    family: ClassVar[str] = "stylegan2"

    def __post_init__(self) -> None:
        bounds.check_resolution(self.resolution)
        bounds.check_z_dim(self.z_dim)
        bounds.check_int("w_dim", self.w_dim, 1, MAX_DIM)
        bounds.check_int("c_dim", self.c_dim, 0, MAX_DIM)
        bounds.check_int("embed_dim", self.embed_dim, 0, MAX_DIM)
        bounds.check_int("img_channels", self.img_channels, 1, bounds.MAX_IMG_CHANNELS)
        bounds.check_int("mapping_layers", self.mapping_layers, 0, bounds.MAX_MAPPING_LAYERS)
        if (self.c_dim > 0) != (self.embed_dim > 0):
            raise bad(
                f"embed_dim must be 0 exactly where c_dim is 0, got {self.embed_dim}, {self.c_dim}"
            )
        if self.mapping_layers == 0 and self.z_dim + self.embed_dim != self.w_dim:
            raise bad("without mapping layers w_dim must be z_dim + embed_dim")
        bounds.check_channels(self.channels, self.resolutions)
        if self.w_avg_rows not in (1, self.num_ws):
            raise bad(f"w_avg_rows must be 1 or num_ws = {self.num_ws}, got {self.w_avg_rows}")
        bounds.check_filter_shape(self.filter_shape)
        clamp = self.conv_clamp
        if clamp is not None and not (
            type(clamp) in (int, float) and math.isfinite(clamp) and clamp > 0
        ):
            raise bad("conv_clamp must be None or a finite number above 0")
        bounds.check_parameters(self.shapes().values())

    @property
    def resolutions(self) -> tuple[int, ...]:
        """Resolutions of the blocks: 4, 8, ..., `resolution`."""
        return bounds.resolutions_to(self.resolution)

    @property
    def num_ws(self) -> int:
        """Number of w slots (L): 2 log2(R) - 2."""
        return 2 * len(self.resolutions)

    @property
    def num_layers(self) -> int:
        """Number of modulated 3x3 layers: 2 log2(R) - 3."""
        return 2 * len(self.resolutions) - 1

    def layer_resolution(self, layer: int) -> int:
        """Resolution in pixels of the output of layer `layer`."""
        return self.resolutions[(layer + 1) // 2]

    def layer_channels(self, layer: int) -> tuple[int, int]:
        """Input and output channels (I, O) of layer `layer`; odd layers upsample."""
        resolution = self.layer_resolution(layer)
        source = resolution // 2 if layer % 2 else resolution
        return self.channels[source], self.channels[resolution]

    def to_json(self) -> dict[str, Any]:
        """The config as plain JSON data."""
        return {
            "z_dim": self.z_dim,
            "c_dim": self.c_dim,
            "w_dim": self.w_dim,
            "resolution": self.resolution,
            "img_channels": self.img_channels,
            "channels": {str(r): self.channels[r] for r in self.resolutions},
            "mapping_layers": self.mapping_layers,
            "embed_dim": self.embed_dim,
            "conv_clamp": self.conv_clamp,
            "w_avg_rows": self.w_avg_rows,
            "filter_shape": list(self.filter_shape),
        }

    @classmethod
    def from_json(cls, data: object) -> StyleGAN2Config:
        """Build a config from `to_json` data that a stranger may have written.

        Raises:
            CheckpointError: `bad-structure` for missing, unknown or out-of-bounds fields.
        """
        told: dict[str, Any] = bounds.fields_of(data, {one.name for one in fields(cls)})
        channels = bounds.channels_of(told["channels"])
        taps = bounds.filter_shape_of(told["filter_shape"])
        return cls(**{**told, "channels": channels, "filter_shape": taps})

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of every tensor of the canonical form, in order of execution."""
        shapes = mapping_shapes(self)
        width = self.w_dim
        shapes["synthesis.const"] = (self.channels[4], 4, 4)
        shapes["synthesis.filter"] = self.filter_shape
        for i in range(self.num_layers):
            inputs, outputs = self.layer_channels(i)
            pixels = self.layer_resolution(i)
            name = f"synthesis.layers.{i}"
            shapes[f"{name}.affine.weight"] = (inputs, width)
            shapes[f"{name}.affine.bias"] = (inputs,)
            shapes[f"{name}.weight"] = (outputs, inputs, 3, 3)
            shapes[f"{name}.bias"] = (outputs,)
            shapes[f"{name}.noise"] = (pixels, pixels)
            shapes[f"{name}.noise_strength"] = ()
            if i % 2 == 0:
                name = f"synthesis.to_rgbs.{i // 2}"
                shapes[f"{name}.affine.weight"] = (outputs, width)
                shapes[f"{name}.affine.bias"] = (outputs,)
                shapes[f"{name}.weight"] = (self.img_channels, outputs, 1, 1)
                shapes[f"{name}.bias"] = (self.img_channels,)
        return shapes

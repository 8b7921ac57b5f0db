"""What a StyleGAN2 generator is in numbers: the config, its bounds, the tensors it promises."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from steerx.checkpoints.errors import CheckpointError, Kind, shown

MAX_DIM = 8192  # z, w, c, embedding and channels
MAX_MAPPING_LAYERS = 32
MAX_RESOLUTION = 2048
MAX_IMG_CHANNELS = 8
MAX_FILTER_TAPS = 32
MAX_PARAMETERS = 4_000_000_000


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

    def __post_init__(self) -> None:
        _check_int("resolution", self.resolution, 4, MAX_RESOLUTION)
        if self.resolution & (self.resolution - 1):
            raise _bad(f"resolution must be a power of two, got {self.resolution}")
        if type(self.z_dim) is int and self.z_dim == 0:
            raise _bad("z_dim = 0: a network of labels alone; steerx steers those with a z")
        _check_int("z_dim", self.z_dim, 1, MAX_DIM)
        _check_int("w_dim", self.w_dim, 1, MAX_DIM)
        _check_int("c_dim", self.c_dim, 0, MAX_DIM)
        _check_int("embed_dim", self.embed_dim, 0, MAX_DIM)
        _check_int("img_channels", self.img_channels, 1, MAX_IMG_CHANNELS)
        _check_int("mapping_layers", self.mapping_layers, 0, MAX_MAPPING_LAYERS)
        if (self.c_dim > 0) != (self.embed_dim > 0):
            raise _bad(
                f"embed_dim must be 0 exactly where c_dim is 0, got {self.embed_dim}, {self.c_dim}"
            )
        if self.mapping_layers == 0 and self.z_dim + self.embed_dim != self.w_dim:
            raise _bad("without mapping layers w_dim must be z_dim + embed_dim")
        self._check_channels()
        if self.w_avg_rows not in (1, self.num_ws):
            raise _bad(f"w_avg_rows must be 1 or num_ws = {self.num_ws}, got {self.w_avg_rows}")
        for taps in self.filter_shape:
            _check_int("filter_shape", taps, 1, MAX_FILTER_TAPS)
        if len(self.filter_shape) != 2:
            raise _bad(f"filter_shape must be (rows, columns), got {self.filter_shape}")
        clamp = self.conv_clamp
        if clamp is not None and not (
            type(clamp) in (int, float) and math.isfinite(clamp) and clamp > 0
        ):
            raise _bad("conv_clamp must be None or a finite number above 0")
        parameters = sum(math.prod(shape) for shape in expected_shapes(self).values())
        if parameters > MAX_PARAMETERS:
            raise _bad(f"{parameters} parameters are more than {MAX_PARAMETERS}")

    def _check_channels(self) -> None:
        if tuple(sorted(self.channels)) != self.resolutions:
            raise _bad(
                f"channels must name the resolutions {list(self.resolutions)}, "
                f"got {sorted(self.channels)[:16]}"
            )
        for resolution, count in self.channels.items():
            _check_int(f"channels[{resolution}]", count, 1, MAX_DIM)

    @property
    def resolutions(self) -> tuple[int, ...]:
        """Resolutions of the blocks: 4, 8, ..., `resolution`."""
        return tuple(1 << power for power in range(2, self.resolution.bit_length()))

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
        names = set(cls.__dataclass_fields__)
        if not isinstance(data, dict) or set(data) != names:
            raise _bad(f"config must be an object with the fields {', '.join(sorted(names))}")
        table = data["channels"]
        if not isinstance(table, Mapping) or len(table) > 16:
            raise _bad("config channels must be a table of resolution and channels")
        taps = data["filter_shape"]
        if not isinstance(taps, list) or len(taps) != 2:
            raise _bad("config filter_shape must be [rows, columns]")
        channels = dict(sorted((_resolution_key(key), count) for key, count in table.items()))
        return cls(**{**data, "channels": channels, "filter_shape": (taps[0], taps[1])})


def expected_shapes(config: StyleGAN2Config) -> dict[str, tuple[int, ...]]:
    """Names and shapes of every tensor of the canonical form, in order of execution."""
    shapes: dict[str, tuple[int, ...]] = {}
    width = config.w_dim
    if config.c_dim:
        shapes["mapping.embed.weight"] = (config.embed_dim, config.c_dim)
        shapes["mapping.embed.bias"] = (config.embed_dim,)
    for i in range(config.mapping_layers):
        inputs = config.z_dim + config.embed_dim if i == 0 else width
        shapes[f"mapping.layers.{i}.weight"] = (width, inputs)
        shapes[f"mapping.layers.{i}.bias"] = (width,)
    rows = config.w_avg_rows
    shapes["mapping.w_avg"] = (width,) if rows == 1 else (rows, width)
    shapes["synthesis.const"] = (config.channels[4], 4, 4)
    shapes["synthesis.filter"] = config.filter_shape
    for i in range(config.num_layers):
        inputs, outputs = config.layer_channels(i)
        pixels = config.layer_resolution(i)
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
            shapes[f"{name}.weight"] = (config.img_channels, outputs, 1, 1)
            shapes[f"{name}.bias"] = (config.img_channels,)
    return shapes


def _check_int(name: str, value: object, low: int, high: int) -> None:
    if type(value) is not int:
        raise _bad(f"{name} must be a whole number, got {type(value).__name__}")
    if not low <= value <= high:
        said = str(value) if abs(value) < 1 << 63 else shown(hex(value), limit=40)
        raise _bad(f"{name} must be {low} to {high}, got {said}")


def _resolution_key(key: object) -> int:
    if not isinstance(key, str) or not (key.isascii() and key.isdecimal() and len(key) <= 4):
        raise _bad("config channels must have resolutions as keys")
    return int(key)


def _bad(what: str) -> CheckpointError:
    return CheckpointError(Kind.BAD_STRUCTURE, what)

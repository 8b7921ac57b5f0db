"""What PGGAN and StyleGAN (the first) are in numbers: generators that double their picture layer by layer."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, Self

from steerx.checkpoints import bounds
from steerx.checkpoints.bounds import MAX_DIM, bad
from steerx.checkpoints.mapping_numbers import mapping_shapes


@dataclass(frozen=True)
class ProgressiveConfig:
    """What the two families share: two 3x3 layers per resolution 4, 8, ..., the first of which upsamples.

    Attributes:
        z_dim: width of z.
        resolution: pixels of a side, a power of two.
        img_channels: channels of the image.
        channels: feature channels at each resolution 4, 8, ..., `resolution`.
        c_dim, embed_dim, conv_clamp: what neither family has here.
    """

    z_dim: int
    resolution: int
    img_channels: int
    channels: dict[int, int] = field(hash=False)
    family: ClassVar[str]
    c_dim: ClassVar[int] = 0
    embed_dim: ClassVar[int] = 0
    conv_clamp: ClassVar[None] = None

    def __post_init__(self) -> None:
        bounds.check_resolution(self.resolution)
        bounds.check_z_dim(self.z_dim)
        bounds.check_int("img_channels", self.img_channels, 1, bounds.MAX_IMG_CHANNELS)
        bounds.check_channels(self.channels, self.resolutions)

    @property
    def resolutions(self) -> tuple[int, ...]:
        """4, 8, ..., `resolution`."""
        return bounds.resolutions_to(self.resolution)

    @property
    def num_layers(self) -> int:
        """Number of layers with a style, a bias, or both: 2 log2(R) - 2."""
        return 2 * len(self.resolutions)

    def layer_resolution(self, layer: int) -> int:
        """Resolution in pixels of the output of layer `layer`."""
        return self.resolutions[layer // 2]

    def layer_channels(self, layer: int) -> tuple[int, int]:
        """Input and output channels (I, O) of layer `layer`; even ones behind the first upsample."""
        resolution = self.layer_resolution(layer)
        source = resolution // 2 if layer and layer % 2 == 0 else resolution
        return self.channels[source], self.channels[resolution]

    def to_json(self) -> dict[str, Any]:
        """The config as plain JSON data."""
        told = asdict(self)
        told["channels"] = {str(r): self.channels[r] for r in self.resolutions}
        return {n: list(v) if isinstance(v, tuple) else v for n, v in told.items()}

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Build a config from `to_json` data that a stranger may have written.

        Raises:
            CheckpointError: `bad-structure` for missing, unknown or out-of-bounds fields.
        """
        told: dict[str, Any] = {**bounds.fields_of(data, {one.name for one in fields(cls)})}
        told["channels"] = bounds.channels_of(told["channels"])
        if "filter_shape" in told:
            told["filter_shape"] = bounds.filter_shape_of(told["filter_shape"])
        return cls(**told)

    def _to_rgb_shapes(self) -> dict[str, tuple[int, ...]]:
        """The last to_rgb, the only one that a finished network uses."""
        inputs = self.channels[self.resolution]
        return {
            "synthesis.to_rgb.weight": (self.img_channels, inputs, 1, 1),
            "synthesis.to_rgb.bias": (self.img_channels,),
        }


@dataclass(frozen=True)
class PGGANConfig(ProgressiveConfig):
    """The numbers that fix every tensor of a PGGAN generator, which has z and nothing between."""

    family: ClassVar[str] = "pggan"
    num_ws: ClassVar[int] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        bounds.check_parameters(self.shapes().values())

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of every tensor of the canonical form, in order of execution."""
        shapes: dict[str, tuple[int, ...]] = {}
        for i in range(self.num_layers):
            inputs, outputs = self.layer_channels(i)
            shapes[f"synthesis.layers.{i}.weight"] = (
                (outputs, inputs, 3, 3) if i else (outputs, self.z_dim, 4, 4)
            )
            shapes[f"synthesis.layers.{i}.bias"] = (outputs,)
        return shapes | self._to_rgb_shapes()


@dataclass(frozen=True)
class StyleGANConfig(ProgressiveConfig):
    """The numbers that fix every tensor of a StyleGAN generator (the first, 2019).

    Attributes:
        w_dim: width of w (D); the hidden width of the mapping network too.
        mapping_layers: fully connected layers between z and w.
        w_avg_rows: 1 for one mean w [D], or `num_ws` for one per w slot [L, D].
        filter_shape: taps of the blur behind upsampling, (rows, columns), both odd.
    """

    w_dim: int
    mapping_layers: int
    w_avg_rows: int = 1
    filter_shape: tuple[int, int] = (3, 3)
    family: ClassVar[str] = "stylegan"

    def __post_init__(self) -> None:
        super().__post_init__()
        bounds.check_int("w_dim", self.w_dim, 1, MAX_DIM)
        bounds.check_int("mapping_layers", self.mapping_layers, 0, bounds.MAX_MAPPING_LAYERS)
        if self.mapping_layers == 0 and self.z_dim != self.w_dim:
            raise bad("without mapping layers w_dim must be z_dim")
        if self.w_avg_rows not in (1, self.num_ws):
            raise bad(f"w_avg_rows must be 1 or num_ws = {self.num_ws}, got {self.w_avg_rows}")
        bounds.check_filter_shape(self.filter_shape)
        if not all(taps % 2 for taps in self.filter_shape):
            raise bad(f"filter_shape must be odd, got {self.filter_shape}")
        bounds.check_parameters(self.shapes().values())

    @property
    def num_ws(self) -> int:
        """Number of w slots (L): one per layer."""
        return self.num_layers

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
            shapes[f"{name}.affine.weight"] = (2 * outputs, width)
            shapes[f"{name}.affine.bias"] = (2 * outputs,)
            if i:
                shapes[f"{name}.weight"] = (outputs, inputs, 3, 3)
            shapes[f"{name}.bias"] = (outputs,)
            shapes[f"{name}.noise"] = (pixels, pixels)
            shapes[f"{name}.noise_strength"] = (outputs,)
        return shapes | self._to_rgb_shapes()

"""What a StyleGAN3 generator is in numbers: Fourier features, then layers with filters of their own."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

from steerx.checkpoints import bounds
from steerx.checkpoints.bounds import MAX_DIM, bad
from steerx.checkpoints.mapping_numbers import mapping_shapes

MAX_LAYERS = 64
_MAX_SIDE = 4 * bounds.MAX_RESOLUTION  # of a picture between up- and downsampling
_MAX_TAPS = 128
_MAX_FACTOR = 8


@dataclass(frozen=True)
class FilteredLayer:
    """One modulated layer: convolution, upsampling, leaky ReLU, downsampling.

    Attributes:
        size: pixels of a side of its output.
        outputs: O, its channels.
        kernel: 1 or 3; the convolution is a full one, its output is kernel - 1 wider than its input.
        up, down: factors of resampling; 1 and 1 without filters.
        padding: left, right, top, bottom, of the upsampled picture; negative crops.
        up_shape, down_shape: of the filters, (t,) where separable, (t, t), or () for none.
    """

    size: int
    outputs: int
    kernel: int
    up: int
    down: int
    padding: tuple[int, int, int, int]
    up_shape: tuple[int, ...]
    down_shape: tuple[int, ...]

    def check(self, index: int, side: int) -> None:
        """Refuse numbers out of bounds, or that do not make `size` of an input of `side` pixels."""
        name = f"layers[{index}]"
        for what, value, high in (
            ("size", self.size, _MAX_SIDE),
            ("outputs", self.outputs, MAX_DIM),
            ("kernel", self.kernel, 3),
            ("up", self.up, _MAX_FACTOR),
            ("down", self.down, _MAX_FACTOR),
        ):
            bounds.check_int(f"{name} {what}", value, 1, high)
        if self.kernel == 2:
            raise bad(f"{name} kernel must be 1 or 3, got 2")
        if len(self.padding) != 4:
            raise bad(f"{name} padding must be four numbers, got {len(self.padding)}")
        for pixels in self.padding:
            bounds.check_int(f"{name} padding", pixels, -_MAX_SIDE, _MAX_SIDE)
        taps = [
            _taps(f"{name} {n}", s) for n, s in (("up", self.up_shape), ("down", self.down_shape))
        ]
        wide = (side + self.kernel - 1) * self.up
        for before, after in (self.padding[:2], self.padding[2:]):
            between = wide + before + after - taps[0] + 1
            found = (between - taps[1]) // self.down + 1
            if not (0 < between <= _MAX_SIDE and wide <= _MAX_SIDE and found == self.size):
                raise bad(f"{name} makes {found} pixels of {side}, not {self.size}")


@dataclass(frozen=True)
class StyleGAN3Config:
    """The numbers that fix every tensor of a StyleGAN3 generator, T or R.

    Attributes:
        z_dim, c_dim, w_dim, embed_dim, mapping_layers: of the mapping network.
        resolution: pixels of a side.
        img_channels: channels of the image.
        input_size: pixels of a side of the Fourier features.
        input_channels: of the Fourier features.
        sampling_rate: pixels of the Fourier features per picture's side.
        bandwidth: frequencies up to here are at full strength, in cycles per picture.
        layers: the modulated ones, to_rgb last.
        output_scale: what the picture is multiplied by.
        conv_clamp: every layer's activations are clamped to [-conv_clamp, conv_clamp]; None = never.
    """

    z_dim: int
    c_dim: int
    w_dim: int
    resolution: int
    img_channels: int
    mapping_layers: int
    embed_dim: int
    input_size: int
    input_channels: int
    sampling_rate: float
    bandwidth: float
    layers: tuple[FilteredLayer, ...]
    output_scale: float
    conv_clamp: float | None = None
    family: ClassVar[str] = "stylegan3"
    w_avg_rows: ClassVar[int] = 1

    def __post_init__(self) -> None:
        bounds.check_z_dim(self.z_dim)
        for name, value, low, high in (
            ("resolution", self.resolution, 4, bounds.MAX_RESOLUTION),
            ("w_dim", self.w_dim, 1, MAX_DIM),
            ("c_dim", self.c_dim, 0, MAX_DIM),
            ("embed_dim", self.embed_dim, 0, MAX_DIM),
            ("img_channels", self.img_channels, 1, bounds.MAX_IMG_CHANNELS),
            ("mapping_layers", self.mapping_layers, 0, bounds.MAX_MAPPING_LAYERS),
            ("input_size", self.input_size, 1, _MAX_SIDE),
            ("input_channels", self.input_channels, 1, MAX_DIM),
            ("number of layers", len(self.layers), 1, MAX_LAYERS),
        ):
            bounds.check_int(name, value, low, high)
        if (self.c_dim > 0) != (self.embed_dim > 0):
            raise bad(
                f"embed_dim must be 0 exactly where c_dim is 0, got {self.embed_dim}, {self.c_dim}"
            )
        if self.mapping_layers == 0 and self.z_dim + self.embed_dim != self.w_dim:
            raise bad("without mapping layers w_dim must be z_dim + embed_dim")
        numbers = {"sampling_rate": self.sampling_rate, "bandwidth": self.bandwidth}
        numbers["output_scale"] = self.output_scale
        if self.conv_clamp is not None:
            numbers["conv_clamp"] = self.conv_clamp
        for name, number in numbers.items():
            if type(number) not in (int, float) or not (0 < number < math.inf):
                raise bad(f"{name} must be a finite number above 0")
        if not self.bandwidth < self.sampling_rate / 2:
            raise bad("bandwidth must be below half the sampling_rate")
        side = self.input_size
        for index, layer in enumerate(self.layers):
            layer.check(index, side)
            side = layer.size
        if (side, self.layers[-1].outputs) != (self.resolution, self.img_channels):
            raise bad("the last layer must make the picture's pixels and channels")
        bounds.check_parameters(self.shapes().values())

    @property
    def num_ws(self) -> int:
        """Number of w slots (L): one places the input, one for each layer."""
        return len(self.layers) + 1

    def layer_inputs(self, index: int) -> int:
        """Input channels (I) of a layer."""
        return self.layers[index - 1].outputs if index else self.input_channels

    def to_json(self) -> dict[str, Any]:
        """The config as plain JSON data."""
        told = asdict(self)
        for layer in told["layers"]:
            layer |= {n: list(layer[n]) for n in ("padding", "up_shape", "down_shape")}
        return told | {"layers": list(told["layers"])}

    @classmethod
    def from_json(cls, data: object) -> StyleGAN3Config:
        """Build a config from `to_json` data that a stranger may have written.

        Raises:
            CheckpointError: `bad-structure` for missing, unknown or out-of-bounds fields.
        """
        told: dict[str, Any] = bounds.fields_of(data, {one.name for one in fields(cls)})
        listed = told["layers"]
        if not isinstance(listed, list) or len(listed) > MAX_LAYERS:
            raise bad("config layers must be a list of layers")
        return cls(**{**told, "layers": tuple(_layer_of(layer) for layer in listed)})

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of every tensor of the canonical form, in order of execution."""
        shapes = mapping_shapes(self)
        width, channels = self.w_dim, self.input_channels
        shapes |= {
            "synthesis.layers.0.affine.weight": (4, width),
            "synthesis.layers.0.affine.bias": (4,),
            "synthesis.layers.0.freqs": (channels, 2),
            "synthesis.layers.0.phases": (channels,),
            "synthesis.layers.0.transform": (3, 3),
            "synthesis.layers.0.weight": (channels, channels),
        }
        for i, layer in enumerate(self.layers):
            name, inputs = f"synthesis.layers.{i + 1}", self.layer_inputs(i)
            shapes[f"{name}.affine.weight"] = (inputs, width)
            shapes[f"{name}.affine.bias"] = (inputs,)
            shapes[f"{name}.weight"] = (layer.outputs, inputs, layer.kernel, layer.kernel)
            shapes[f"{name}.bias"] = (layer.outputs,)
            shapes[f"{name}.magnitude"] = ()
            for filter, shape in (("up_filter", layer.up_shape), ("down_filter", layer.down_shape)):
                if shape:
                    shapes[f"{name}.{filter}"] = shape
        return shapes


def _taps(name: str, shape: tuple[int, ...]) -> int:
    """Taps of a filter in one direction; 1 where there is none."""
    for taps in shape:
        bounds.check_int(f"{name} taps", taps, 1, _MAX_TAPS)
    if len(shape) > 2 or len(set(shape)) > 1:
        raise bad(f"{name}_shape must be (), (taps,) or (taps, taps)")
    return shape[0] if shape else 1


def _layer_of(data: object) -> FilteredLayer:
    told: dict[str, Any] = bounds.fields_of(data, {one.name for one in fields(FilteredLayer)})
    lists = {name: told[name] for name in ("padding", "up_shape", "down_shape")}
    if not all(isinstance(one, list) and len(one) <= 4 for one in lists.values()):
        raise bad("config padding and filter shapes must be lists")
    return FilteredLayer(**{**told, **{name: tuple(one) for name, one in lists.items()}})

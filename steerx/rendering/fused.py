"""The fused renderer: the library's convolutions with one pass of ours behind each. The second `Renderer`.

Per layer: conv(x s', W') by the vendor's library with weights that all samples share, then `epilogue`: blur,
demodulation, noise, bias, leaky ReLU, clamp, the layer's share of the picture and the next layer's styled
input, in one pass. A layer's plain output is written only where somebody reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, overload

import torch
from torch import Tensor

from .. import ops
from .._pictures import to_uint8
from ..ops._epilogue import PICTURE_CHANNELS, epilogue, makes_rgb
from ..ops._library import without_autocast
from ..ops._whole_layer import fits, serves, whole_layer
from .choosing import PROCESS, Choices, LayerForm, UpForm
from .convolution import Form, Kernel, Policy, Style, convolve, demodulation, kernel, scaled
from .derivatives import asked
from .graphs import Graphs
from .layered import Layered
from .noise import Noise, NoiseMaps, SampleNoise
from .packing import Packed
from .plain import PlainRenderer
from .renderer import LayerState, Out, check_way
from .tails import noise_parts, of_samples, rgb_parts, separable_taps


class FusedRenderer:
    """Renders by the vendor's convolutions and one fused pass behind each; no gradients.

    Where a derivative is asked for, of styles or of any parameter, and for float64, the plain renderer
    answers. An upsampling filter that is not symmetric, separable and four taps long takes the general
    operator for its layers.

    Args:
        network: parameters.
        dtype: of activations: float32, float16 or bfloat16; None = the parameters' own.
        policy: what the library may do.
        up: how upsampling layers are convolved: as a transposed convolution, as a dense 2x2 one with four
            times the channels, or "measured": the faster of the two for each layer and batch size, found
            at first use. With a fixed form and a deterministic
            policy pictures are *repeatable*; the library's convolutions are not *sample-exact*.
        whole: make 16-bit layers of few channels, on sm_80 and later, by one kernel of ours, style_layer,
            convolution and all; with up="measured" where it is the faster one. Not yet run on a GPU.
        choices: what was measured; `Choices(file)` keeps it for the next process. None = this process's.
        graphs: on CUDA, record a rendering per batch size and replay it in one launch.
    """

    name = "fused"

    def __init__(
        self,
        network: Layered,
        *,
        dtype: torch.dtype | None = None,
        policy: Policy | None = None,
        up: UpForm | Literal["measured"] = "transposed",
        whole: bool = False,
        choices: Choices | None = None,
        graphs: bool = False,
    ) -> None:
        self.network, self.dtype, self.up, self.whole = network, dtype, up, whole
        self.choices = choices or PROCESS
        self.graphs = Graphs() if graphs else None
        self.policy = policy or Policy()
        self.plain = PlainRenderer(network, dtype=dtype)
        self.packed: Packed[Kernel] = Packed()
        self._kept_taps: Packed[list[float] | None] = Packed()

    def __repr__(self) -> str:
        how = f"up={self.up!r}, whole={self.whole}, policy={self.policy}"
        return f"FusedRenderer(dtype={self.dtype}, {how})"

    @overload
    def render(
        self,
        styles: Sequence[Tensor] | Tensor,
        *,
        state: LayerState | None = None,
        start: int = 0,
        stop: None = None,
        noise: Noise = "const",
        out: Out = "float",
    ) -> Tensor: ...

    @overload
    def render(
        self,
        styles: Sequence[Tensor] | Tensor,
        *,
        state: LayerState | None = None,
        start: int = 0,
        stop: int,
        noise: Noise = "const",
        out: Out = "float",
    ) -> LayerState: ...

    def render(
        self,
        styles: Sequence[Tensor] | Tensor,
        *,
        state: LayerState | None = None,
        start: int = 0,
        stop: int | None = None,
        noise: Noise = "const",
        out: Out = "float",
    ) -> Tensor | LayerState:
        """See `steerx.rendering.Renderer.render`. *close* to the plain renderer."""
        dtype = self.dtype or self.network.const.dtype
        first = 0 if state is None else state.index + 1
        plain = dtype == torch.float64 or isinstance(
            noise, NoiseMaps
        )  # which may ask for gradients
        if plain or asked(self._tensors(), styles, state):
            way: dict[str, Any] = {"state": state, "start": start, "noise": noise, "out": out}
            return self.plain.render(styles, stop=stop, **way)
        check_way(start, first, out)
        self.network.check(styles, state, stop)
        with torch.no_grad():
            if self.graphs is not None and state is None and stop is None and styles[0].is_cuda:
                result = _alone(self._replayed, self.graphs, list(styles), noise, dtype)
            else:
                result = _alone(self._run, list(styles), state, first, stop, noise, dtype, out)
        if isinstance(result, LayerState) or out == "float":
            return result
        return result.permute(0, 2, 3, 1) if result.dtype == torch.uint8 else to_uint8(result)

    def _tensors(self) -> list[Tensor]:
        """All that the network is made of."""
        return [*self.network.parameters(), *self.network.buffers()]

    def _replayed(
        self, graphs: Graphs, styles: list[Tensor], noise: Noise, dtype: torch.dtype
    ) -> Tensor | LayerState:
        """A whole picture, from a recording where there is one of these sizes and parameters."""
        ids = [noise.ids] if isinstance(noise, SampleNoise) else []
        how = noise.key if isinstance(noise, SampleNoise) else noise
        edits = tuple(
            (t.data_ptr(), 0 if t.is_inference() else t._version) for t in self._tensors()
        )
        key = (len(styles[0]), styles[0].device, styles[0].dtype, how, dtype, edits)

        def work(inputs: list[Tensor]) -> Tensor:
            rows = inputs[: len(styles)]
            drawn = SampleNoise(noise.key, inputs[-1]) if isinstance(noise, SampleNoise) else noise
            picture = self._run(rows, None, 0, None, drawn, dtype, "float")
            assert isinstance(picture, Tensor)
            return picture

        return graphs.run(key, [*styles, *ids], work)

    def _run(
        self,
        styles: list[Tensor],
        state: LayerState | None,
        first: int,
        stop: int | None,
        noise: Noise,
        dtype: torch.dtype,
        out: Out,
    ) -> Tensor | LayerState:
        """Layers `first` to the last one, or to `stop`. A picture is [N, 3, H, W], whatever it is of."""
        net, count = self.network, len(self.network.layers)
        ways = [scaled(styles[_row(i)]) for i in range(first, count if stop is None else stop + 1)]
        rgb: Tensor | None
        if state is None:
            x, rgb = net.const.expand(styles[0].shape[0], *net.const.shape), None
            x = _channels_last((x * ways[0].unit[:, :, None, None].to(x.dtype)).to(dtype))
        else:
            x, rgb = self._resumed(state, ways[:1], styles, dtype, out)
        for i in range(first, first + len(ways)):
            style, following = ways[i - first], ways[i - first + 1 : i - first + 2]
            stopping, canvas = i == stop, self._canvas(out if i == count - 1 else "float", x)
            made = self._layer(i, x, style, following, rgb, styles, noise, canvas, stopping)
            if i == stop:
                return LayerState(i, made["y"].permute(0, 3, 1, 2), rgb)
            if "rgb" in made:
                rgb = made["rgb"].permute(0, 3, 1, 2)
            elif i % 2 == 0:
                rgb = self._picture(i, made["y"].permute(0, 3, 1, 2), rgb, styles)
            if "styled" in made:
                x = made["styled"].permute(0, 3, 1, 2)
        assert rgb is not None
        return rgb

    def _resumed(
        self,
        state: LayerState,
        following: list[Style],
        styles: list[Tensor],
        dtype: torch.dtype,
        out: Out,
    ) -> tuple[Tensor, Tensor | None]:
        """The next layer's styled input, and the picture after the state's own layer: a tail with no activation."""
        i, x, taps = state.index, state.x, self._taps()
        each = 1 if x.stride(0) == 0 else len(x)  # of one image for many only itself is read
        z = _channels_last((x[:1] if each < len(x) else x).to(dtype)).permute(0, 2, 3, 1)
        size = (len(x), *z.shape[1:])
        wanted: dict[str, Tensor] = {}
        if following:
            wanted["styled"] = self._take(f"styled {i % 2}", z, size)
        if i % 2 == 0 and self._pictures(i, dtype, taps):
            canvas = torch.float32 if following else self._canvas(out, x)
            wanted["rgb"] = z.new_empty(*size[:3], PICTURE_CHANNELS, dtype=canvas)
        parts: dict[str, Any] = wanted | {"slope": 1.0, "gain": 1.0}
        if following:
            parts["next_style"] = following[0].unit
        if "rgb" in wanted:
            parts |= rgb_parts(self.network.to_rgbs[i // 2], styles[_row(i) + 1], state.rgb, taps)
        for first in range(0, len(x) if wanted else 0, max(1, each)):
            epilogue(z, **of_samples(parts, slice(first, first + each)))
        if following:
            x = wanted["styled"].permute(0, 3, 1, 2)
        if "rgb" in wanted:
            return x, wanted["rgb"].permute(0, 3, 1, 2)
        return x, self._picture(i, state.x, state.rgb, styles)

    def _layer(
        self,
        i: int,
        x: Tensor,
        style: Style,
        following: list[Style],
        rgb: Tensor | None,
        styles: list[Tensor],
        noise: Noise,
        canvas: torch.dtype,
        stopping: bool,
    ) -> dict[str, Tensor]:
        """What layer i makes of its styled input x: y, styled and rgb [N, H, W, C], those that are read."""
        layer, taps = self.network.layers[i], self._taps()
        n, o, size = x.shape[0], layer.weight.shape[0], layer.noise.shape
        pictured = i % 2 == 0 and not stopping and self._pictures(i, x.dtype, taps)
        wanted: dict[str, Tensor] = {}
        if following:  # two in turn: the next layer reads the one and writes the other
            wanted["styled"] = self._take(f"styled {i % 2}", x, (n, *size, o))
        if pictured:
            wanted["rgb"] = x.new_empty(n, *size, PICTURE_CHANNELS, dtype=canvas)
        if stopping:
            wanted["y"] = x.new_empty(n, *size, o)
        elif i % 2 == 0 and not pictured:
            wanted["y"] = self._take("y", x, (n, *size, o))
        parts: dict[str, Any] = wanted | {"bias": layer.bias.float(), "clamp": layer.clamp}
        parts |= noise_parts(layer, noise, n)
        if following:
            parts["next_style"] = following[0].unit
        if pictured:
            parts |= rgb_parts(self.network.to_rgbs[i // 2], styles[_row(i) + 1], rgb, taps)
        self._make(i, self._form(i, x, style, taps, parts), x, style, taps, parts)
        return wanted

    def _canvas(self, out: Out, x: Tensor) -> torch.dtype:
        """What the epilogue makes the picture of."""
        return torch.float32

    def _take(self, name: str, x: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Memory for what a layer writes and another reads."""
        return x.new_empty(shape)

    def _form(
        self, i: int, x: Tensor, style: Style, taps: list[float] | None, parts: dict[str, Any]
    ) -> LayerForm:
        """How layer i is made."""
        forms = self._forms(i, x, taps)
        if len(forms) == 1:
            return forms[0]
        works = {form: partial(self._make, i, form, x, style, taps, parts) for form in forms}
        present = sorted(key for key, value in parts.items() if value is not None)
        outputs, up = self.network.layers[i].weight.shape[0], self.network.layers[i].up
        what = (x.dtype, tuple(x.shape), outputs, up, present, self.policy)
        return self.choices.form(works, x.device, what)

    def _forms(self, i: int, x: Tensor, taps: list[float] | None) -> tuple[LayerForm, ...]:
        """Ways to make layer i. After the general operator there is nothing to blur: "plain"."""
        layer = self.network.layers[i]
        if layer.up == 2 and taps is None:
            return ("plain",)
        forms: tuple[LayerForm, ...] = ("plain",)
        if layer.up == 2:
            forms = ("transposed", "dense") if self.up == "measured" else (self.up,)
        o, inputs = layer.weight.shape[:2]
        if not self.whole or not serves(x.device) or not fits(x.dtype, inputs, o, layer.up):
            return forms
        return (*forms, "whole") if self.up == "measured" else ("whole",)

    def _make(
        self,
        i: int,
        form: LayerForm,
        x: Tensor,
        style: Style,
        taps: list[float] | None,
        parts: dict[str, Any],
    ) -> None:
        """The convolution of layer i, and all that follows it."""
        blur = taps if self.network.layers[i].up == 2 else None
        packed = self._kernel(i, "plain" if form == "whole" else form, x.dtype)
        parts = parts | {"blur": blur, "demodulation": demodulation(style, packed)}
        if form == "whole":
            whole_layer(x.permute(0, 2, 3, 1), packed.weight.permute(0, 2, 3, 1), **parts)
            return
        general = blur is None and self.network.layers[i].up == 2
        z = self._blurred(x, packed) if general else convolve(x, packed, self.policy)
        epilogue(z, shuffled=form == "dense", **parts)

    def bare(self, i: int, x: Tensor, style: Tensor, like: Tensor) -> Tensor:
        """Layer i's convolution of x style, blurred where it upsamples, and nothing of its tail.

        Args:
            i: number of the style_layer.
            x: what enters the layer, never multiplied by a style [N, I, H, W], float32.
            style: [N, I].
            like: the style whose demodulation it is multiplied by [N, I].

        Returns:
            [N, H', W', O], float32.
        """
        unit, demodulating = scaled(style), scaled(like)
        x = _channels_last(x)
        size = (len(x), *x.shape[2:], x.shape[1])
        styled = self._take("bare", x, size).permute(0, 3, 1, 2)
        x = torch.mul(x, unit.unit[:, :, None, None], out=styled)
        layer, taps = self.network.layers[i], self._taps()
        y = x.new_empty(len(x), *layer.noise.shape, layer.weight.shape[0])
        parts: dict[str, Any] = {"y": y, "slope": 1.0, "gain": 1.0}
        form = self._form(i, x, demodulating, taps, parts)
        self._make(i, form, x, demodulating, taps, parts)
        return y.mul_((unit.scale / demodulating.scale)[:, None, None])

    def _kernel(self, i: int, form: Form, dtype: torch.dtype) -> Kernel:
        """Layer i's weight as a form takes it."""
        weight = self.network.layers[i].weight
        return self.packed.get(
            f"layers.{i}.{form}", weight, dtype, lambda weight: kernel(weight, form, dtype)
        )

    def _blurred(self, x: Tensor, packed: Kernel) -> Tensor:
        """The general way of an upsampling layer: any filter, through the operator. [N, H, W, O]."""
        unit = x.new_ones(x.shape[:2], dtype=torch.float32)
        y = ops.modulated_conv2d(
            x, unit, packed.weight, filter=self.network.filter, up=2, demodulate=False
        )
        return y.permute(0, 2, 3, 1).contiguous()

    def _pictures(self, i: int, dtype: torch.dtype, taps: list[float] | None) -> bool:
        """Whether layer i can make its share of the picture in the same pass."""
        layer = self.network.to_rgbs[i // 2]
        channels, inputs = layer.weight.shape[:2]
        return channels == PICTURE_CHANNELS and makes_rgb(dtype, inputs) and taps is not None

    def _picture(
        self, i: int, x: Tensor, rgb: Tensor | None, styles: list[Tensor]
    ) -> Tensor | None:
        """The picture after layer i from its plain output, in float32: no style can overflow it."""
        if i % 2:
            return rgb
        layer = self.network.to_rgbs[i // 2]
        filter = None if rgb is None else self.network.filter
        style = styles[3 * (i // 2) + 1].float()
        return ops.to_rgb(
            x.float(), style, layer.weight, layer.bias, skip=rgb, filter=filter, clamp=layer.clamp
        )

    def _taps(self) -> list[float] | None:
        """The filter in one direction with its gain, if it is what the fused blur can do."""
        filter = self.network.filter
        return self._kept_taps.get("filter", filter, filter.dtype, separable_taps)


def _alone(work: Callable[..., Tensor | LayerState], *args: Any) -> Tensor | LayerState:
    """The dtype of activations is the renderer's own: autocast must not reach the convolutions."""
    return without_autocast(work)(*args)  # type: ignore[no-any-return]


def _row(i: int) -> int:
    """Style row of style_layer i: it stands behind i others and (i + 1) // 2 to_rgbs."""
    return i + (i + 1) // 2


def _channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)

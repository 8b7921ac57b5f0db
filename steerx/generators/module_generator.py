"""Generators made of any module: `Generator.from_module`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .. import checkpoints
from .._seeds import normal
from .._shapes import shape
from ..rendering import LayerState, PlainRenderer
from .generator import Generator, StyleRow, ToRGB
from .labels import Label, one_hot
from .named_weights import Names, rows_of, slots_of
from .truncation import TruncatedGenerator

_PICTURE = 3  # channels
_DRAWS, _BATCH = 10_000, 1_000  # of the mean of w


@dataclass(frozen=True, eq=False)
class Parts:
    """A network and what is called of it.

    Attributes:
        module: holds the parameters.
        picture: what the synthesis reads -> images.
        mapped: (z) or (z, one-hot rows) -> w; None = z alone.
    """

    module: nn.Module
    picture: Callable[[Tensor], Tensor]
    mapped: Callable[..., Tensor] | None

    @property
    def dtype(self) -> torch.dtype:
        """Of the parameters, as they are now."""
        return next(p.dtype for p in self.module.parameters() if p.is_floating_point())

    def images(self, codes: Tensor) -> Tensor:
        """Images [N, 3, H, W], grey ones with three equal channels.

        Raises:
            ValueError: the synthesis returned something else.
        """
        images: Any = self.picture(codes.to(self.dtype))
        what = "from_module: synthesis must return images [N, 3, H, W] or [N, 1, H, W]"
        if not isinstance(images, Tensor):
            raise ValueError(
                f"{what}, got {type(images).__name__}; wrap it: synthesis=lambda x: module(x)[0]"
            )
        if images.dim() != 4 or len(images) != len(codes) or images.shape[1] not in (1, _PICTURE):
            raise ValueError(f"{what} with N = {len(codes)}, got {list(images.shape)}")
        if not images.is_floating_point():
            raise ValueError(f"{what} of nominal range [-1, 1], got {images.dtype}")
        return images.expand(-1, _PICTURE, -1, -1)


def module_generator(
    module: nn.Module,
    *,
    z_dim: int,
    mapping: str | Callable[..., Tensor] | None,
    synthesis: str | Callable[[Tensor], Tensor] | None,
    style_weights: Names | None,
    c_dim: int,
    num_ws: int,
) -> Generator:
    """See `Generator.from_module`."""
    if not isinstance(module, nn.Module):
        raise ValueError(f"from_module: module must be an nn.Module, got {type(module).__name__}")
    for name, value, least in (("z_dim", z_dim, 1), ("c_dim", c_dim, 0), ("num_ws", num_ws, 1)):
        if type(value) is not int or value < least:
            raise ValueError(
                f"from_module: {name} must be a whole number from {least}, got {value!r}"
            )
    if mapping is None and (c_dim or num_ws != 1):
        said = f"c_dim={c_dim}" if c_dim else f"num_ws={num_ws}"
        raise ValueError(
            f"from_module: {said} needs a mapping, which makes the w that the synthesis reads; labels go "
            "in by mapping=lambda z, label: torch.cat((z, label), 1)"
        )
    if not any(p.is_floating_point() for p in module.parameters()):
        raise ValueError(
            "from_module: this module has no parameters; give the one that holds the network's"
        )
    picture = module if synthesis is None else _called(module, "synthesis", synthesis)
    mapped = None if mapping is None else _called(module, "mapping", mapping)
    parts = Parts(module, picture, mapped)
    if mapped is None:
        return ModuleGenerator(parts, z_dim, style_weights)
    return MappedModuleGenerator(parts, z_dim, style_weights, c_dim=c_dim, num_ws=num_ws)


def _called(module: nn.Module, argument: str, part: object) -> Callable[..., Tensor]:
    """A part of the module by its name, or a function as it is."""
    if isinstance(part, str):
        try:
            return module.get_submodule(part)
        except AttributeError:
            names = ", ".join(name for name, _ in module.named_children()) or "none"
            raise ValueError(
                f"from_module: {argument}={part!r} is no submodule; this module's are {names}"
            ) from None
    if not callable(part):
        raise ValueError(
            f"from_module: {argument} must be a submodule's name or a function, got {part!r}"
        )
    return part


class ModuleGenerator(Generator):
    """A network of the user's own, steered in z. Made by `Generator.from_module`.

    Attributes:
        module: the network.
    """

    family = "module"

    def __init__(
        self,
        parts: Parts,
        z_dim: int,
        style_weights: Names | None,
        *,
        c_dim: int = 0,
        num_ws: int = 0,
    ) -> None:
        super().__init__()
        self.module, self._parts = parts.module, parts
        self.z_dim, self.c_dim, self.num_ws = z_dim, c_dim, num_ws
        tensors = parts.module.state_dict().items()
        self.model_id = checkpoints.model_id({n: t for n, t in tensors if isinstance(t, Tensor)})
        self.renderer = PlainRenderer(self)
        self.eval()  # batch norms must not see the batch
        with torch.no_grad():
            self.resolution = max(parts.images(self._example()).shape[2:])
        self._named = () if style_weights is None else slots_of(style_weights, max(1, self.num_ws))
        for name in (name for slot in self._named for name in slot):
            self._rows(name)

    def _example(self) -> Tensor:
        """What the synthesis reads for two seeds."""
        z = self.codes(seeds="0-1", space="z")
        assert isinstance(z, Tensor)
        return z

    def _rows(self, name: str) -> Tensor:
        size, space = (self.w_dim, "w") if self.w_dim else (self.z_dim, "z")
        return rows_of(self.module, name, size, space)

    def synthesis(self, codes: Tensor) -> Tensor:
        """Images [N, 3, H, W] of z [N, Z], with gradients."""
        shape("synthesis: z", codes, "N Z", Z=self.z_dim)
        return self._parts.images(codes)

    def run(
        self,
        styles: Sequence[Tensor] | Tensor,
        *,
        state: LayerState | None = None,
        stop: int | None = None,
        **way: object,
    ) -> Tensor:
        """The whole picture; a module has no known layers to stop at, and its noise is its own."""
        if state is not None or stop is not None:
            raise ValueError("render: a module is rendered as a whole; leave out state and stop")
        return self._parts.images(self._read(styles))

    def _read(self, styles: Sequence[Tensor] | Tensor) -> Tensor:
        """What the synthesis reads of what enters the renderer."""
        shape("render: z", styles, "N Z", Z=self.z_dim)
        assert isinstance(styles, Tensor)
        return styles

    def style_weights(
        self, layers: Sequence[int] | None = None, *, to_rgb: ToRGB = "last"
    ) -> list[Tensor]:
        """The named weights [C, Z], or [C, D] of the given w slots."""
        if not self._named:
            raise ValueError(
                "style_weights: from_module was not told which weight the codes meet first; give "
                'style_weights="name.of.weight"'
            )
        count = len(self._named)
        slots = range(count) if layers is None else [int(slot) for slot in layers]
        if not set(slots) <= set(range(count)):
            raise ValueError(f"style_weights: layers are w slots 0-{count - 1}, got {list(slots)}")
        return [self._rows(name) for slot in slots for name in self._named[slot]]


class MappedModuleGenerator(ModuleGenerator, TruncatedGenerator):
    """A network of the user's own with a mapping: z (and a label) -> w -> picture.

    What enters the renderer are the w slots as they are, like styles whose affine is the identity.
    """

    spaces = ("z", "w", "w_plus")
    _mean: Tensor | None = None

    def _example(self) -> Tensor:
        label = torch.zeros(2, dtype=torch.int64) if self.c_dim else None
        w = self.mapping(super()._example(), label)
        self.w_dim = w.shape[1]
        # Each slot goes straight into the picture: there is no layer between two of them to stop at.
        self.style_rows = tuple(
            StyleRow(f"w{slot}", slot, self.w_dim, to_rgb=True) for slot in range(self.num_ws)
        )
        return self._read([w] * self.num_ws)

    def mapping(self, z: Tensor, label: Label = None) -> Tensor:
        """w [N, D] of z [N, Z]; a label is a class, [N] classes or one-hot rows [N, c_dim]."""
        assert self._parts.mapped is not None
        z = z.to(self._parts.dtype)
        rows = one_hot(label, len(z), self.c_dim, like=z)
        w: Any = self._parts.mapped(z) if rows is None else self._parts.mapped(z, rows)
        if not isinstance(w, Tensor):
            raise ValueError(f"from_module: mapping must return w [N, D], got {type(w).__name__}")
        known = {"D": self.w_dim} if self.w_dim else {}
        shape("from_module: w, as mapping returns it,", w, "N D", N=len(z), **known)
        return w

    def mean_w(self) -> Tensor:
        """The mean of w [D] over 10,000 fixed draws of z, of the classes in turn; found at first use."""
        if self._mean is None:
            with torch.inference_mode(False), torch.no_grad():
                parts = [self._mean_of(start) for start in range(0, _DRAWS, _BATCH)]
                self._mean = torch.stack(parts).mean(dim=0)
        return self._mean.to(self.device, self._parts.dtype)

    def _mean_of(self, start: int) -> Tensor:
        ids = torch.arange(start, start + _BATCH, device=self.device)
        label = ids % self.c_dim if self.c_dim else None
        return self.mapping(normal(0, ids, self.z_dim), label).double().mean(dim=0)

    def styles(self, w_plus: Tensor) -> list[Tensor]:
        """The w slots as they are."""
        shape("styles: w_plus", w_plus, "N L D", L=self.num_ws, D=self.w_dim)
        return list(w_plus.unbind(dim=1))

    def style_steps(self, steps: Tensor) -> list[Tensor]:
        """Steps in w_plus [K, L, D] as they are."""
        return self.styles(steps)

    def synthesis(self, codes: Tensor) -> Tensor:
        """Images [N, 3, H, W] of w [N, D] or w_plus [N, L, D], both as they are, with gradients."""
        w_plus = codes if codes.dim() == 3 else codes[:, None].expand(-1, self.num_ws, -1)
        return self._parts.images(self._read(self.styles(w_plus)))

    def _read(self, styles: Sequence[Tensor] | Tensor) -> Tensor:
        if isinstance(styles, Tensor) or len(styles) != self.num_ws:
            raise ValueError(
                f"render: this generator reads {self.num_ws} w slots [N, D], got "
                f"{'a tensor' if isinstance(styles, Tensor) else len(styles)}; use G.enter(codes)"
            )
        for slot in styles:
            shape("render: w", slot, "N D", N=len(styles[0]), D=self.w_dim)
        return styles[0] if self.num_ws == 1 else torch.stack(list(styles), dim=1)

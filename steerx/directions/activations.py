"""What a named layer of a generator puts out: the names there are, and the rows for given z."""

from __future__ import annotations

import math
from collections.abc import Callable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from ..generators import Generator

_PICTURES = "act:"
_INSIDE = 4  # times its output that a style layer makes on its way, at most
_MEMORY = 1 << 25  # numbers of one sample's layers times samples at once: 128 MiB in float32


class _Reached(Exception):
    """A layer has spoken; what comes after it need not run."""


class Layer:
    """One layer of a generator, named "act:<style_layer>" or like its module, as in "mapping".

    Attributes:
        name: as given.
        shape: of its output for one sample, such as [C, H, W].
        features: F, numbers of one sample.
        batch: samples at once, at most, that keep memory in bounds.
    """

    def __init__(self, G: Generator, name: str, *, label: int | None = None) -> None:
        """Find the layer and its size by running one sample.

        Raises:
            ValueError: no such layer; the message lists those that there are.
        """
        shapes = layer_shapes(G, label=label)
        if name not in shapes:
            close = get_close_matches(str(name), shapes, n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise ValueError(
                f"GANSpace(layer={name!r}): this generator has no such layer{hint}; its layers are "
                f"{', '.join(shapes)}"
            )
        self._G, self._label = G, label
        self.name, self.shape = name, shapes[name]
        self.features = math.prod(self.shape)
        # In order of execution; one of its kind is made behind what it is made of.
        alike = [one for one in shapes if one.startswith(_PICTURES) == name.startswith(_PICTURES)]
        made = sum(math.prod(shapes[one]) for one in alike[: alike.index(name) + 1])
        inside = _INSIDE if name.startswith(_PICTURES) else 1
        self.batch = max(1, _MEMORY // (inside * made))

    def rows(self, z: Tensor) -> Tensor:
        """Its output for z [N, Z], one row per sample [N, F]; noise is the constant one.

        Raises:
            ValueError: numbers that are not finite.
        """
        if self.name.startswith(_PICTURES):
            found = self._G.codes(z=z, space=self.name, label=self._label)
        else:
            found = self._heard(z)
        assert isinstance(found, Tensor)
        rows = found.reshape(len(z), -1)
        if not bool(rows.isfinite().all()):
            raise ValueError(
                f"GANSpace(layer={self.name!r}): this layer puts out NaN or infinity; load the "
                "generator in float32, or choose another layer"
            )
        return rows

    def _heard(self, z: Tensor) -> Tensor:
        heard: list[Tensor] = []

        def hear(module: object, inputs: object, output: Tensor) -> None:
            heard.append(output)
            raise _Reached

        handle = self._G.get_submodule(self.name).register_forward_hook(hear)
        try:
            _run(self._G, z, self._label)
        except _Reached:
            pass
        finally:
            handle.remove()
        return heard[0]


def layer_shapes(G: Generator, *, label: int | None = None) -> dict[str, tuple[int, ...]]:
    """Names that `GANSpace(layer=...)` takes, each with the shape of one sample.

    "act:<i>" is style_layer i; the others are modules that run once per sample, by their dotted
    names. Two samples are rendered to find them.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    z = torch.zeros(2, G.z_dim, device=G.device)
    z[:, 0] = 1

    def listener(name: str) -> Callable[[Any, Any, Any], None]:
        def hear(module: Any, inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.dim() > 1 and len(output) == 2:
                shapes.setdefault(name, tuple(output.shape[1:]))

        return hear

    handles = [
        module.register_forward_hook(listener(name)) for name, module in G.named_modules() if name
    ]
    try:
        with torch.no_grad():
            _run(G, z, label)
    finally:
        for handle in handles:
            handle.remove()
    numbered = [space for space in G.spaces if space.startswith(_PICTURES)]
    styles = G.codes(z=z[:1], space="styles", label=label) if numbered else []
    state = None
    for space in numbered:  # each from where the one before it stopped
        stop = int(space.removeprefix(_PICTURES))
        with torch.no_grad():
            state = G.renderer.render(styles, state=state, stop=stop)
        shapes[space] = tuple(state.x.shape[1:])
    return {name: shapes[name] for name in (*numbered, *(n for n in shapes if n not in numbered))}


def _run(G: Generator, z: Tensor, label: int | None) -> None:
    """The whole road from z to the picture, through the plain modules, which hooks can hear."""
    plain = getattr(G.renderer, "plain", G.renderer)
    plain.render(G.enter(z.to(G.device), space="z", label=label))

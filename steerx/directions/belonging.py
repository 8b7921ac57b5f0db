"""Whether directions belong to a network, and whether sets of them belong to one another."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .directions import Directions


class StyleRowLike(Protocol):
    """One modulated layer."""

    @property
    def channels(self) -> int: ...


class Target(Protocol):
    """What a generator tells of itself before directions are applied to it."""

    @property
    def model_id(self) -> str: ...
    @property
    def resolution(self) -> int: ...
    @property
    def z_dim(self) -> int: ...
    @property
    def w_dim(self) -> int: ...
    @property
    def num_ws(self) -> int: ...
    @property
    def style_rows(self) -> Sequence[StyleRowLike]: ...


def check_model(d: Directions, model_id: str | None, resolution: int, any_checkpoint: bool) -> None:
    """See `Directions.check_model`."""
    if d.resolution is not None and d.resolution != resolution:
        raise ValueError(
            f"Directions ({_said(d)}) were mined at {d.resolution} px, this generator makes "
            f"{resolution} px, so its layers are others; mine them again with this generator"
        )
    if d.model_id is not None and d.model_id != model_id and not any_checkpoint:
        raise ValueError(
            f"Directions ({_said(d)}) were mined in checkpoint {d.model_id[:12]}, this one is "
            f"{str(model_id)[:12]}; mine them again, or say any_checkpoint=True to apply them "
            "regardless"
        )


def check_sizes(d: Directions, G: Target) -> None:
    """Refuse vectors whose length, or layers whose numbers, this generator does not have."""
    again = "mine them again with this generator"
    if d.space == "styles":
        rows = [row.channels for row in G.style_rows]
        if list(d.style_sizes or ()) != rows:
            raise ValueError(
                f"Directions ({_said(d)}) were mined for {len(d.style_sizes or ())} style rows of "
                f"{d.vectors.shape[-1]} channels, this generator has {len(rows)} of {sum(rows)} or "
                f"in another order; {again}"
            )
        return
    sizes = {"z": G.z_dim, "w": G.w_dim, "w_plus": G.w_dim}
    if d.space not in sizes:  # an activation: its layer says its size, and no sweep moves it
        return
    if d.vectors.shape[-1] != sizes[d.space]:
        has = f"has {sizes[d.space]}" if sizes[d.space] else f"has no {d.space}"
        raise ValueError(
            f"Directions ({_said(d)}) were mined for {d.space} of {d.vectors.shape[-1]} numbers, "
            f"this generator {has}; {again}"
        )
    if d.vectors.dim() == 3 and d.vectors.shape[1] != G.num_ws:
        raise ValueError(
            f"Directions ({_said(d)}) were mined for {d.vectors.shape[1]} layers, this generator "
            f"has {G.num_ws}; {again}"
        )
    last = max((rows[-1] for rows in d.layers if rows is not None), default=-1)
    if last >= G.num_ws:
        raise ValueError(
            f"Directions ({_said(d)}) move layer {last}, this generator has w slots "
            f"0-{G.num_ws - 1}; {again}"
        )


def check_together(what: str, sets: Sequence[Directions], any_checkpoint: bool) -> None:
    """Refuse sets of different networks; say so where their classes differ.

    What is unknown (of an imported set) is taken to agree.

    Raises:
        ValueError: different resolutions; or different checkpoints without `any_checkpoint`.
    """
    sizes = sorted({s.resolution for s in sets if s.resolution is not None})
    if len(sizes) > 1:
        raise ValueError(
            f"{what}: the sets were mined at {' and '.join(f'{r} px' for r in sizes)}, in networks "
            "that share no latent space; mine them in one network"
        )
    models = sorted({s.model_id for s in sets if s.model_id is not None})
    if len(models) > 1 and not any_checkpoint:
        raise ValueError(
            f"{what}: the sets were mined in checkpoints {' and '.join(m[:12] for m in models)}; "
            "mine them in one, or say any_checkpoint=True where one was fine-tuned from the other"
        )
    labels = sorted({s.label for s in sets if s.label is not None})
    if len(labels) > 1:
        warnings.warn(
            f"{what}: the sets were mined for classes {', '.join(map(str, labels))}, whose codes "
            "are distributed differently; mine them for one class if the result disappoints",
            stacklevel=4,  # the caller of the method of Directions
        )


def _said(d: Directions) -> str:
    return ", ".join(d.names[:3])

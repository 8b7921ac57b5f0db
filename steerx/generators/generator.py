"""The contract of every generator, and the code spaces that all of them share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from .._seeds import Seeds, seed_numbers, z_from_seeds
from .._shapes import shape
from ..rendering import Renderer
from .labels import Label

ToRGB = Literal["none", "first", "last", "all"]
Codes = Tensor | list[Tensor]
CodeSpace = Literal["z", "w", "w_plus", "styles"]
__all__ = ["CodeSpace", "Codes", "Generator", "Seeds", "StyleRow", "ToRGB", "check_truncation"]


@dataclass(frozen=True)
class StyleRow:
    """One modulated layer of the network, in order of execution.

    Attributes:
        name: "64:conv0", "64:conv1", "64:to_rgb", ...
        slot: w slot (row of w_plus) that its affine reads.
        channels: C_l, length of its style.
        to_rgb: whether it makes RGB; else it is a style_layer.
    """

    name: str
    slot: int
    channels: int
    to_rgb: bool


class Generator(nn.Module):
    """A pretrained network that turns codes into images.

    Attributes:
        family: "stylegan2", "stylegan", "pggan", ...
        z_dim, w_dim, c_dim, num_ws, resolution: sizes; 0 where the network has no such thing.
        spaces: code spaces it has: "z", "w", "w_plus", "styles", "act:<style_layer>".
        style_rows: its modulated layers, () without styles.
        model_id: sha256 of its weights; a direction remembers it.
        mapping: (z [N, Z], label) -> w [N, D]; a generator with z alone has none.
        renderer: what turns styles into images.
    """

    family: str
    z_dim: int
    w_dim: int = 0
    c_dim: int = 0
    num_ws: int = 0
    resolution: int
    spaces: tuple[str, ...] = ("z",)
    style_rows: tuple[StyleRow, ...] = ()
    model_id: str = ""
    mapping: Callable[..., Tensor]
    renderer: Renderer

    @staticmethod
    def from_module(
        module: nn.Module,
        *,
        z_dim: int,
        mapping: str | Callable[..., Tensor] | None = None,
        synthesis: str | Callable[[Tensor], Tensor] | None = None,
        style_weights: str | Sequence[str | Sequence[str]] | None = None,
        c_dim: int = 0,
        num_ws: int = 1,
    ) -> Generator:
        """A generator of any network of your own: nothing in it has to be a StyleGAN.

        Without a mapping it has z alone. With one it has z, w and w_plus; a conditional network needs one,
        as this is where labels enter. The module is put into evaluation mode, and two pictures are rendered
        to learn the sizes. GANSpace(layer=...) knows its layers as "module.<name>".

        Args:
            module: holds all the parameters; `model_id` is of its state dict, so that directions know it
                again.
            z_dim: Z, numbers of a z ~ N(0, I).
            mapping: name of a submodule, or a function: z [N, Z] -> w [N, D]; with c_dim, it is called
                with the labels' one-hot rows [N, c_dim] too. None = z alone.
            synthesis: name of a submodule, or a function: z (or w [N, D], or w_plus [N, L, D] where
                num_ws is above 1) -> images [N, 3, H, W], nominal range [-1, 1]; [N, 1, H, W] is shown
                grey. None = the module itself.
            style_weights: for SeFa: name of the weight that the codes meet first, as in
                "module.named_parameters()": of a linear layer, a convolution or a transposed one; or
                several; for num_ws above 1 one name (or several) for each w slot.
            c_dim: number of classes, 0 = none.
            num_ws: L, how many w slots the synthesis reads.

        Returns:
            The generator; it shares the module's parameters.

        Raises:
            ValueError: parts that are not there, or whose results do not fit; says which and what to do.

        Example:
            >>> G = steerx.Generator.from_module(net, z_dim=64, style_weights="first.weight")
            >>> smile = steerx.SeFa(k=5).fit(G).directions_
        """
        from .module_generator import module_generator  # the contract knows none of its families

        return module_generator(
            module,
            z_dim=z_dim,
            mapping=mapping,
            synthesis=synthesis,
            style_weights=style_weights,
            c_dim=c_dim,
            num_ws=num_ws,
        )

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    def has_styles(self) -> bool:
        """Whether styles enter the renderer; else the codes z themselves do."""
        return bool(self.style_rows)

    # What a family with a mapping network and styles gives; a generator with z alone gives none.

    def truncate(self, w: Tensor, *, psi: float = 1.0, cutoff: int | None = None) -> Tensor:
        """w_plus [N, L, D] = w_avg + psi (w - w_avg) on w slots below cutoff (None = all)."""
        raise ValueError(self._without("w"))

    def truncation_scale(self, *, psi: float = 1.0, cutoff: int | None = None) -> Tensor:
        """What truncation multiplies a step in w by, per w slot [L]: psi below cutoff, else 1."""
        raise ValueError(self._without("w"))

    def styles(self, w_plus: Tensor) -> list[Tensor]:
        """Styles [N, C_l], one per style row, of w_plus [N, L, D]."""
        raise ValueError(self._without("styles"))

    def style_steps(self, steps: Tensor) -> list[Tensor]:
        """What a step in w_plus [K, L, D] adds to each style row [K, C_l]: the affine without bias."""
        raise ValueError(self._without("styles"))

    def style_weights(
        self, layers: Sequence[int] | None = None, *, to_rgb: ToRGB = "last"
    ) -> list[Tensor]:
        """Affine weights [C_l, D] of the style rows that read the given w slots (None = all)."""
        raise ValueError(self._without("styles"))

    def _without(self, space: str) -> str:
        return f"this generator has no {space}; its spaces are {', '.join(self.spaces)}"

    # What every generator has.

    def codes(
        self,
        seeds: Seeds | None = None,
        *,
        z: Tensor | None = None,
        space: str = "w_plus",
        psi: float = 1.0,
        cutoff: int | None = None,
        label: Label = None,
    ) -> Codes:
        """Codes of seeds (or of given z) in any space of this generator.

        Args:
            seeds: integers, or text such as "0,1,4-6". Seed n gives the z that NVlabs' tools give.
            z: [N, Z], instead of seeds.
            space: "z", "w" (before truncation), "w_plus" and "styles" (after it), or "act:<i>", the
                output of style_layer i.
            psi: truncation; 1 = off.
            cutoff: w slots below it are truncated; None = all.
            label: class of a conditional network: an index, [N] indices or [N, c_dim] one-hot rows.

        Returns:
            z [N, Z], w [N, D], w_plus [N, L, D], a list of styles [N, C_l], or activations
            [N, C, H, W].

        Raises:
            ValueError: an unknown space, or numbers that do not fit.
        """
        if (seeds is None) == (z is None):
            raise ValueError("codes: give seeds or z, one of them")
        if space not in self.spaces:
            raise ValueError(f"codes: no space {space!r}; spaces are {', '.join(self.spaces)}")
        if z is None:
            assert seeds is not None
            z = z_from_seeds(seed_numbers(seeds), self.z_dim)
        z = z.to(self.device)
        shape("codes: z", z, "N Z", Z=self.z_dim)
        if space == "z":
            return z
        w: Tensor = self.mapping(z, label)
        if space == "w":
            return w
        w_plus = self.truncate(w, psi=psi, cutoff=cutoff)
        if space == "w_plus":
            return w_plus
        styles = self.styles(w_plus)
        if space == "styles":
            return styles
        return self.renderer.render(styles, stop=int(space.removeprefix("act:"))).x

    def enter(
        self,
        codes: Codes,
        *,
        space: CodeSpace | None = None,
        psi: float = 1.0,
        cutoff: int | None = None,
        label: Label = None,
    ) -> Codes:
        """What enters the renderer for codes of any space: styles, or z for a generator without them.

        Args:
            codes: z [N, Z], w [N, D] before truncation, w_plus [N, L, D] as it is, or styles.
            space: which of these it is; None = as their form tells.
            psi, cutoff: truncation of z and w; w_plus and styles are taken as they are.
            label: class, for z.

        Raises:
            ValueError: a space that cannot be rendered, or codes of another shape.
        """
        space = self.space_of("enter", codes, space)
        if space == "styles" or not self.has_styles():
            return codes
        assert isinstance(codes, Tensor)
        if space == "z":
            codes, space = self.mapping(codes, label), "w"
        if space == "w":
            codes = self.truncate(codes, psi=psi, cutoff=cutoff)
        return self.styles(codes)

    def pack(self, codes: Codes) -> Tensor:
        """Styles side by side as rows [N, S]; z as it is."""
        return codes if isinstance(codes, Tensor) else torch.cat(codes, dim=1)

    def unpack(self, rows: Tensor) -> Codes:
        """The inverse of `pack`."""
        if not self.has_styles():
            return rows
        return list(rows.split([row.channels for row in self.style_rows], dim=1))

    def space_of(self, caller: str, codes: Codes, space: CodeSpace | None) -> CodeSpace:
        """The space of codes: as told, or as their form tells.

        A list is styles, three dimensions are w_plus; two may be z or w, so those must be told.

        Raises:
            ValueError: a space that this generator cannot render, or codes of another form.
        """
        if space is None:
            if isinstance(codes, Tensor) and codes.dim() == 2 and self.has_styles():
                raise ValueError(
                    f'{caller}: codes {list(codes.shape)} may be z or w; say space="z" or space="w"'
                )
            space = "styles" if isinstance(codes, list) else "w_plus" if codes.dim() == 3 else "z"
        if space not in self.spaces or space.startswith("act:"):
            raise ValueError(
                f"{caller}: codes in {space!r} cannot be rendered by this generator; its spaces are "
                f"{', '.join(s for s in self.spaces if not s.startswith('act:'))}"
            )
        if isinstance(codes, list) != (space == "styles"):
            form = (
                "a list of styles" if isinstance(codes, list) else f"a tensor {list(codes.shape)}"
            )
            raise ValueError(f"{caller}: codes in {space!r} do not come as {form}")
        if isinstance(codes, Tensor):
            letters = {"z": "N Z", "w": "N D", "w_plus": "N L D"}[space]
            sizes = {"Z": self.z_dim, "L": self.num_ws, "D": self.w_dim}
            known = {k: v for k, v in sizes.items() if k in letters.split()}
            shape(f"{caller}: codes in {space}", codes, letters, **known)
        else:
            if len(codes) != len(self.style_rows):
                raise ValueError(
                    f"{caller}: styles must be a list of {len(self.style_rows)} tensors [N, C_l], one "
                    f"per style row, got {len(codes)}"
                )
            first: dict[str, int] = {}
            for row, part in zip(self.style_rows, codes, strict=True):
                known = first | {"C": row.channels}
                first = {"N": shape(f"{caller}: styles of {row.name}", part, "N C", **known)["N"]}
        return space


def check_truncation(psi: float, cutoff: int | None, num_ws: int) -> None:
    """Refuse truncation numbers that mean nothing."""
    if not math.isfinite(psi):
        raise ValueError(f"psi must be a finite number (1 = no truncation), got {psi}")
    if cutoff is not None and not 0 <= cutoff <= num_ws:
        raise ValueError(f"cutoff must be None (all) or 0-{num_ws} w slots, got {cutoff}")

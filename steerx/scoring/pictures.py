"""The pictures that a scoring looks at: rendered when asked for, none kept, and told apart from others."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .._seeds import Seeds, seed_numbers
from ..generators import Generator
from ..generators.generator import Codes, CodeSpace
from ..generators.labels import Label, one_hot
from ..generators.start import begin
from ..rendering import NoiseMode, noise_of
from .scorers import Scorer, ask

_LABELS = 4096  # one-hot rows are checked some at a time


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures of seeds or codes. Made by `pictures_of`, which checks.

    Attributes:
        G: the generator.
        numbers: seed of each picture; its row, where codes were given.
        codes: instead of seeds; stay where they are until they are rendered.
        space, psi, cutoff, label, noise_mode, noise_key: see `steerx.score`.
    """

    G: Generator
    numbers: Sequence[int]
    codes: Codes | None
    space: CodeSpace | None
    psi: float
    cutoff: int | None
    label: Label
    noise_mode: NoiseMode
    noise_key: int

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def kind(self) -> str:
        """What a number is called in messages."""
        return "seed" if self.codes is None else "row"

    def render(self, places: Sequence[int]) -> Tensor:
        """Images [B, 3, H, W] of the pictures at some consecutive places."""
        rows = slice(places[0], places[-1] + 1)
        numbers = self.numbers[rows]
        codes = self.codes
        if codes is not None:
            codes = [c[rows] for c in codes] if isinstance(codes, list) else codes[rows]
        start, _ = begin(
            "score",
            self.G,
            seeds=numbers if codes is None else None,
            codes=codes,
            space=self.space,
            psi=self.psi,
            cutoff=self.cutoff,
            label=_some(self.label, rows),
        )
        noise = noise_of("score", self.noise_mode, self.noise_key, numbers, self.G.device)
        return self.G.renderer.render(start.rendered(self.G), noise=noise)

    @torch.inference_mode()
    def scored(
        self,
        scorer: Scorer,
        places: Sequence[int],
        before: Sequence[Tensor] = (),
        *,
        names: Sequence[str] | None = None,
        invalid: float | None = None,
    ) -> Tensor:
        """Scores [B, A'] of the pictures at some consecutive places; the rest is as of `scorers.ask`."""
        return ask(
            "score",
            scorer,
            self.render(places),
            numbers=[self.numbers[n] for n in places],
            kind=self.kind,
            before=before,
            names=names,
            invalid=invalid,
        )

    def fingerprint(self) -> dict[str, Any]:
        """What the scores depend on, but for the scorer, as JSON can say it."""
        dtype = getattr(self.G.renderer, "dtype", None) or next(self.G.parameters()).dtype
        return {
            "network": self.G.model_id,
            "renderer": self.G.renderer.name,
            "dtype": str(dtype).removeprefix("torch."),
            "images": len(self),
            "space": self.space,
            "seeds": _hash([torch.tensor(self.numbers)]) if self.codes is None else None,
            "codes": None if self.codes is None else _hash(self.codes),
            "psi": self.psi,
            "cutoff": self.cutoff,
            "label": _hash([self.label]) if isinstance(self.label, Tensor) else self.label,
            "noise_mode": self.noise_mode,
            "noise_key": self.noise_key,
        }


def pictures_of(
    G: Generator,
    *,
    seeds: Seeds | None,
    codes: Codes | None,
    space: CodeSpace | None,
    psi: float,
    cutoff: int | None,
    label: Label,
    noise_mode: NoiseMode,
    noise_key: int,
) -> Pictures:
    """The pictures that the arguments of `steerx.score` mean.

    Raises:
        ValueError: as `steerx.generators.start.begin`, before anything is rendered.
    """
    noise_of("score", noise_mode, noise_key, (), G.device)  # refuses an unknown mode now
    numbers: Sequence[int] = ()
    if seeds is not None:
        numbers = seed_numbers(seeds)
    elif codes is not None:
        numbers = range(len(codes[0]) if isinstance(codes, list) else len(codes))
    some = numbers[:1]
    label = _alike(label, len(numbers))
    first = codes
    if codes is not None:
        first = [c[:1] for c in codes] if isinstance(codes, list) else codes[:1]
    start, _ = begin(
        "score",
        G,
        seeds=None if seeds is None else some,
        codes=first,
        space=space,
        psi=psi,
        cutoff=cutoff,
        label=_some(label, slice(1)),
    )
    if isinstance(label, Tensor):
        like = start.codes[0] if isinstance(start.codes, list) else start.codes
        for part in label.split(_LABELS):
            one_hot(part, len(part), G.c_dim, like=like)
    if codes is not None:
        space = start.space
    return Pictures(G, numbers, codes, space, psi, cutoff, label, noise_mode, noise_key)


def _alike(label: Label, count: int) -> Label:
    """A class for all, or a tensor with one entry per picture."""
    if label is None:
        return None
    label = torch.as_tensor(label)
    if label.dim() < 2 and label.numel() == 1 and not label.is_floating_point():
        return int(label)
    if label.dim() not in (1, 2) or len(label) != count:
        raise ValueError(
            f"score: label must be a class, [N] classes or rows [N, c_dim] with N = {count}, got "
            f"{list(label.shape)}"
        )
    return label


def _some(label: Label, rows: slice) -> Label:
    return label[rows] if isinstance(label, Tensor) else label


def _hash(tensors: Sequence[Tensor] | Tensor) -> str:
    """Of shapes, dtypes and bytes, whatever the device."""
    digest = hashlib.sha256()
    for tensor in [tensors] if isinstance(tensors, Tensor) else tensors:
        digest.update(f"{tensor.dtype}{list(tensor.shape)}".encode())
        for row in tensor.detach().reshape(len(tensor), -1).split(_LABELS):
            digest.update(row.contiguous().cpu().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:32]

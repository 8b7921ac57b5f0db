"""Start: the codes that a sweep or a scoring starts from, checked once, with all that rendering them needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from torch import Tensor

from .._seeds import seed_numbers
from .._shapes import floating
from .generator import Codes, CodeSpace, Generator, Seeds, check_truncation
from .labels import Label, one_hot

STAGES: tuple[CodeSpace, ...] = ("z", "w", "w_plus", "styles")  # codes only go from left to right


@dataclass(frozen=True)
class Start:
    """Codes, and how they become what enters the renderer.

    Attributes:
        codes: z [N, Z], w [N, D], w_plus [N, L, D] or styles.
        space: which of these.
        psi, cutoff: truncation of z and w, or the one that w_plus went through; w_plus and styles are
            rendered as they are.
        label: one-hot rows [N, c_dim] of a conditional network, for z.
    """

    codes: Codes
    space: CodeSpace
    psi: float = 1.0
    cutoff: int | None = None
    label: Tensor | None = None

    def __len__(self) -> int:
        return len(self.codes[0]) if isinstance(self.codes, list) else len(self.codes)

    def rows(self, index: Tensor | slice) -> Start:
        """Some of the codes, in any order and number."""
        label = None if self.label is None else self.label[index]
        if isinstance(self.codes, list):
            return replace(self, codes=[c[index] for c in self.codes], label=label)
        return replace(self, codes=self.codes[index], label=label)

    def rendered(self, G: Generator) -> Codes:
        """What enters the renderer: the codes as they are."""
        return G.enter(
            self.codes, space=self.space, psi=self.psi, cutoff=self.cutoff, label=self.label
        )

    def onward(self, G: Generator) -> Start:
        """The same codes one space further."""
        assert isinstance(self.codes, Tensor)
        if self.space == "z":
            return replace(self, codes=G.mapping(self.codes, self.label), space="w")
        if self.space == "w":
            # psi and cutoff stay: a step that acts before truncation is shrunk by them.
            w_plus = G.truncate(self.codes, psi=self.psi, cutoff=self.cutoff)
            return replace(self, codes=w_plus, space="w_plus")
        return replace(self, codes=G.styles(self.codes), space="styles")


def begin(
    caller: str,
    G: Generator,
    *,
    seeds: Seeds | None,
    codes: Codes | None,
    space: CodeSpace | None,
    psi: float,
    cutoff: int | None,
    label: Label,
) -> tuple[Start, tuple[int, ...]]:
    """The start that a caller's arguments mean, on the generator's device and in its dtype, and rows' numbers.

    Args:
        caller: opens the error messages.
        G: the generator.
        seeds, codes, space, psi, cutoff, label: as in `steerx.sweep`.

    Returns:
        The start; the seeds, or 0 ... N-1 where codes were given.

    Raises:
        TypeError: codes that are no floating-point tensors.
        ValueError: both or neither of seeds and codes, none at all, or numbers that do not fit.
    """
    if (seeds is None) == (codes is None):
        raise ValueError(f"{caller}: give seeds or codes, one of them")
    check_truncation(psi, cutoff, G.num_ws)
    numbers: Iterable[int] = ()
    dtype = None
    if seeds is not None:
        numbers = seed_numbers(seeds)
        codes, space = G.codes(numbers, space="z"), "z"
    else:
        dtype = next((p.dtype for p in G.parameters()), None)
    assert codes is not None
    for part in codes if isinstance(codes, list) else [codes]:
        floating(f"{caller}: codes", part)
    parts = [part.to(G.device, dtype) for part in (codes if isinstance(codes, list) else [codes])]
    here = parts if isinstance(codes, list) else parts[0]
    start = Start(here, G.space_of(caller, here, space), psi, cutoff)
    if not len(start):
        raise ValueError(f"{caller}: there is nothing to render; give at least one seed or code")
    if not all(bool(part.isfinite().all()) for part in parts):
        raise ValueError(
            f"{caller}: codes must be finite numbers of {parts[0].dtype}; some are not"
        )
    if start.space == "z" and G.has_styles():
        assert isinstance(here, Tensor)
        start = replace(start, label=one_hot(label, len(start), G.c_dim, like=here))
    elif label is not None:
        raise ValueError(
            f"{caller}: a label goes with seeds or z; codes in {start.space} have theirs"
        )
    return start, tuple(numbers) or tuple(range(len(start)))

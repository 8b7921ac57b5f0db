"""Asking a scorer: what it may return, and which image an error is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from .._layers import format_layers
from .._marks import marked
from ..rendering import is_out_of_memory

Scorer = Callable[[Tensor], Tensor]
_SHOWN = 60  # characters of a list of seeds


class ScorerError(ValueError):
    """A scorer raised, or returned something that is no scores; the message names the images.

    Attributes:
        images: seeds of the images that it failed for (rows, where codes were given).
        scored: scores [n, A'] of the images before the batch that failed; None where nobody kept them.
    """

    def __init__(
        self, line: str, *, images: Sequence[int] = (), scored: Tensor | None = None
    ) -> None:
        super().__init__(line)
        self.images, self.scored = tuple(images), scored


def ask(
    caller: str,
    scorer: Scorer,
    images: Tensor,
    *,
    numbers: Sequence[int],
    kind: str = "seed",
    before: Sequence[Tensor] = (),
    names: Sequence[str] | None = None,
    invalid: float | None = None,
) -> Tensor:
    """Scores [N, A'] of images, float32 on the CPU; where the scorer fails, the images are named.

    After a failure the scorer sees the images one by one, to find those for which it fails alone.

    Args:
        caller: opens the error messages.
        scorer: any callable.
        images: [N, 3, H, W] in [-1, 1].
        numbers: seed or row of each image.
        kind: which of the two they are.
        before, names, invalid: see `checked`.

    Raises:
        ScorerError: it raised (the exception is the `__cause__`), or returned something else.
        MemoryError, RuntimeError: memory ran out, which a smaller batch may cure.
    """

    def scores(some: Tensor) -> Tensor:
        return checked(caller, scorer(some), len(some), before, names=names, invalid=invalid)

    failure = _failure(scores, images)
    if not isinstance(failure, Exception):
        return failure
    if isinstance(failure, ScorerError):
        line, cause, guilty = str(failure), None, list(failure.images)
    else:
        line = f"{caller}: the scorer raised {type(failure).__name__}: {_one_line(failure)}"
        cause, guilty = failure, []
    if not guilty and len(images) > 1:
        alone = (_failure(scores, images[n : n + 1]) for n in range(len(images)))
        guilty = [n for n, result in enumerate(alone) if isinstance(result, Exception)]
        if not guilty:
            line += "; for each image alone it works"
    found = [numbers[n] for n in guilty or range(len(images))]
    if not bool(images.isfinite().all()):
        line += "; the images hold NaN or infinity, so render with float32"
    raise ScorerError(f"{line} ({said(kind, found)})", images=found) from cause


def _failure(scores: Callable[[Tensor], Tensor], images: Tensor) -> Tensor | Exception:
    """Scores, or the exception that came instead of them."""
    try:
        return scores(images)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        return error


def checked(
    caller: str,
    result: object,
    images: int,
    before: Sequence[Tensor] = (),
    *,
    names: Sequence[str] | None = None,
    invalid: float | None = None,
) -> Tensor:
    """What a scorer returned for some images as [N, A'] float32 on the CPU, in memory of its own.

    Args:
        caller: opens the error messages.
        result: what came.
        images: N.
        before: earlier results, if any; their columns must agree.
        names: of the attributes, if known; one per column.
        invalid: score that marks an image without one; only where it is NaN or infinite may a score be.

    Raises:
        ScorerError: no real numbers, another shape, or numbers that are not finite; its `images` are
            places in the batch, where one is to blame.
    """
    if not isinstance(result, Tensor) or result.dim() not in (1, 2) or len(result) != images:
        came = list(result.shape) if isinstance(result, Tensor) else type(result).__name__
        raise ScorerError(
            f"{caller}: the scorer must return a tensor [N, A'] or [N] with N = {images}, got {came}"
        )
    if result.is_complex() or result.is_quantized or result.is_meta or not result.numel():
        raise ScorerError(
            f"{caller}: the scorer must return real numbers, one or more per image, got "
            f"{result.dtype} {list(result.shape)} on {result.device}"
        )
    # A copy: a view would keep the batch of images alive as long as their scores.
    scores = torch.empty(images, result.numel() // images, dtype=torch.float32)
    scores.copy_(result.detach().reshape(scores.shape))
    columns = scores.shape[1]
    if names is not None and len(names) != columns:
        raise ScorerError(
            f"{caller}: the scorer returned {columns} columns for {len(names)} names "
            f"({', '.join(names)[:_SHOWN]})"
        )
    if before and before[0].shape[1] != columns:
        raise ScorerError(
            f"{caller}: the scorer returned {columns} columns, and {before[0].shape[1]} before"
        )
    bad = ~scores.isfinite() & ~marked(scores, invalid)
    if bool(bad.any()):
        row, column = (int(place) for place in bad.nonzero()[0])
        attribute = f"column {column}" if names is None else repr(names[column])
        raise ScorerError(
            f"{caller}: the scorer returned {float(scores[row, column])} in {attribute}; scores must be "
            "finite, or equal to invalid= (--invalid) where an image has none",
            images=[int(n) for n in bad.any(dim=1).nonzero()[:, 0]],
        )
    return scores


def said(kind: str, numbers: Iterable[int]) -> str:
    """Seeds or rows in a message: `seed 85`, `seeds 0-7`."""
    text = format_layers(numbers)
    plural = "" if text.isdecimal() else "s"
    return f"{kind}{plural} {text if len(text) <= _SHOWN else text[: _SHOWN - 3] + '...'}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or "no message"

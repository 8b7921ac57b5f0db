"""score: codes -> images -> scores, streamed through any callable."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ._seeds import Seeds
from .generators import Generator
from .generators.generator import Codes, CodeSpace
from .generators.labels import Label
from .generators.start import begin
from .rendering import NoiseMode, noise_of

Scorer = Callable[[Tensor], Tensor]
PIXELS_PER_BATCH = 2**18


def batch_size(caller: str, G: Generator, batch: int | None) -> int:
    """Images per batch: as asked, or what suits a small machine (a number of pixels, 1 to 64 images)."""
    if batch is None:
        return max(1, min(64, PIXELS_PER_BATCH // G.resolution**2))
    if batch < 1:
        raise ValueError(f"{caller}: batch must be 1 or more images, or None, got {batch}")
    return batch


def score(
    G: Generator,
    scorer: Scorer,
    *,
    seeds: Seeds | None = None,
    codes: Codes | None = None,
    space: CodeSpace | None = None,
    psi: float = 1.0,
    cutoff: int | None = None,
    label: Label = None,
    noise_mode: NoiseMode = "const",
    noise_key: int = 0,
    batch: int | None = None,
) -> Tensor:
    """Scores of the images of seeds or codes, rendered and scored batch by batch.

    Args:
        G: the generator.
        scorer: any callable: float images [N, 3, H, W] in [-1, 1] on the generator's device -> [N, A']
            or [N].
        seeds: integers or text such as "0-99".
        codes: z [N, Z], w [N, D], w_plus [N, L, D] or styles, instead of seeds.
        space: which of these the codes are; must be told for [N, Z] and [N, D].
        psi, cutoff: truncation of z and w; w_plus and styles are rendered as they are.
        label: class of a conditional network, for seeds and z.
        noise_mode: "const", "random", "none" or "sample" (drawn by seed, or by row of the codes).
        noise_key: key of the "sample" draw.
        batch: images rendered at once; None = by resolution.

    Returns:
        Scores [N, A'] float32 on the CPU. *close* for any batch, *repeatable* for the same one.

    Raises:
        ValueError: a scorer whose result has another shape, or codes that do not fit.
    """
    start, numbers = begin(
        "score", G, seeds=seeds, codes=codes, space=space, psi=psi, cutoff=cutoff, label=label
    )
    size = batch_size("score", G, batch)
    parts: list[Tensor] = []
    for first in range(0, len(start), size):
        rows = slice(first, first + size)
        noise = noise_of("score", noise_mode, noise_key, numbers[rows], G.device)
        with torch.inference_mode():
            images = G.renderer.render(start.rows(rows).rendered(G), noise=noise)
            parts.append(checked("score", scorer(images), len(images), parts[:1]))
    return torch.cat(parts)  # outside inference mode: scores may go where gradients are asked for


def checked(caller: str, result: object, images: int, before: Sequence[Tensor]) -> Tensor:
    """What a scorer returned for some images as [N, A'] float32 on the CPU.

    Args:
        caller: opens the error messages.
        result: what came.
        images: N.
        before: earlier results, if any; their columns must agree.

    Raises:
        ValueError: another shape.
    """
    if not isinstance(result, Tensor) or result.dim() not in (1, 2) or len(result) != images:
        came = list(result.shape) if isinstance(result, Tensor) else type(result).__name__
        raise ValueError(
            f"{caller}: the scorer must return a tensor [N, A'] or [N] with N = {images}, got {came}"
        )
    result = result.detach().float().reshape(images, -1).cpu()
    if before and before[0].shape[1] != result.shape[1]:
        raise ValueError(
            f"{caller}: the scorer returned {result.shape[1]} columns, and {before[0].shape[1]} before"
        )
    return result

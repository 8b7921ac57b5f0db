"""score: codes -> images -> scores, streamed through any callable."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from .generators import Generator
from .generators.generator import Codes, Label
from .rendering import Noise

Scorer = Callable[[Tensor], Tensor]
PIXELS_PER_BATCH = 2**18


def batch_size(G: Generator) -> int:
    """Images per batch that suit a small machine: a fixed number of pixels, 1 to 64 images."""
    return max(1, min(64, PIXELS_PER_BATCH // G.resolution**2))


@torch.inference_mode()
def score(
    G: Generator,
    scorer: Scorer,
    *,
    seeds: Iterable[int] | str | None = None,
    codes: Codes | None = None,
    space: str = "z",
    psi: float = 1.0,
    cutoff: int | None = None,
    label: Label = None,
    noise: Noise = "const",
    batch: int | None = None,
) -> Tensor:
    """Scores of the images of seeds or codes, rendered and scored batch by batch.

    Args:
        G: the generator.
        scorer: any callable: float images [N, 3, H, W] in [-1, 1] on the generator's device -> [N, A']
            or [N].
        seeds: integers or text such as "0-99".
        codes: z [N, Z], w [N, D], w_plus [N, L, D] or styles, instead of seeds.
        space: which of these the codes are.
        psi, cutoff: truncation of z and w.
        label: class of a conditional network.
        noise: see `Renderer.render`.
        batch: images rendered at once; None = by resolution.

    Returns:
        Scores [N, A'] float32 on the CPU.

    Raises:
        ValueError: a scorer whose result has another shape.
    """
    if (seeds is None) == (codes is None):
        raise ValueError("score: give seeds or codes, one of them")
    if codes is None:
        codes, space = G.codes(seeds, space="z"), "z"
    rows = G.pack(codes) if isinstance(codes, list) else codes
    parts: list[Tensor] = []
    for chunk in rows.split(batch or batch_size(G)):
        part = G.unpack(chunk) if isinstance(codes, list) else chunk
        entrance = G.enter(part, space=space, psi=psi, cutoff=cutoff, label=label)
        result = scorer(G.renderer.render(entrance, noise=noise))
        parts.append(_checked(result, len(chunk), parts))
    if not parts:
        raise ValueError("score: there is nothing to score; give at least one seed or code")
    return torch.cat(parts)


def _checked(result: object, images: int, before: list[Tensor]) -> Tensor:
    if not isinstance(result, Tensor) or result.dim() not in (1, 2) or len(result) != images:
        came = list(result.shape) if isinstance(result, Tensor) else type(result).__name__
        raise ValueError(
            f"score: the scorer must return a tensor [N, A'] or [N] with N = {images}, got {came}"
        )
    result = result.detach().float().reshape(images, -1).cpu()
    if before and before[0].shape[1] != result.shape[1]:
        raise ValueError(
            f"score: the scorer returned {result.shape[1]} columns, and {before[0].shape[1]} before"
        )
    return result

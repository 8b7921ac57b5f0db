"""How many pictures are rendered at once."""

from __future__ import annotations

from ..generators import Generator
from ..rendering import Batches, free_memory

# A CPU is busy with one picture; a GPU wants more at once. That of a GPU is computed, not measured.
PIXELS_PER_BATCH = {"cpu": 2**18, "cuda": 2**23}
BYTES_PER_PIXEL = 4096  # more than any published network takes: eight maps of 128 channels


def batch_size(caller: str, G: Generator, batch: int | None) -> int:
    """Images per batch, at most: as asked, or a number of pixels, 1 to 64 images."""
    if batch is None:
        pixels = PIXELS_PER_BATCH.get(G.device.type, PIXELS_PER_BATCH["cpu"])
        return max(1, min(64, pixels // G.resolution**2))
    if batch < 1:
        raise ValueError(f"{caller}: batch must be 1 or more images, or None, got {batch}")
    return batch


def batches_of(caller: str, G: Generator, batch: int | None) -> Batches:
    """Batches of a size that was asked for, or that fit; measured only where memory might be short."""
    size = batch_size(caller, G, batch)
    available = None if batch is not None else free_memory(G.device)
    short = available is not None and size * G.resolution**2 * BYTES_PER_PIXEL > available
    return Batches(caller, size, device=G.device if short else None)

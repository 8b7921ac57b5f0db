"""Seeds and counters to numbers: the draw everyone knows as seed 85, and draws keyed by sample id."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import SupportsIndex

import numpy as np
import torch
from torch import Tensor

Seeds = Iterable[SupportsIndex] | SupportsIndex | str
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = 0xFFFFFFFF
_MASK64 = (1 << 64) - 1
_MAX_SEED = 2**32 - 1


def z_from_seeds(seeds: Iterable[int], z_dim: int) -> Tensor:
    """Latents of user-facing seeds, one legacy NumPy draw per seed, whatever the batch.

    Args:
        seeds: integers 0 ... 2^32 - 1.
        z_dim: Z.

    Returns:
        z [N, Z], float32: row n is ``numpy.random.RandomState(seed).randn(1, Z)``, the convention of
        the published image scripts.

    Raises:
        ValueError: a seed out of range.
    """
    seeds = list(seeds)
    for seed in seeds:
        if not 0 <= seed <= _MAX_SEED:
            raise ValueError(f"seeds must be integers 0 ... {_MAX_SEED}, got {seed}")
    rows = [np.random.RandomState(seed).randn(z_dim) for seed in seeds]
    return torch.from_numpy(np.array(rows, dtype=np.float64).reshape(len(rows), z_dim)).float()


def seed_numbers(seeds: Seeds) -> list[int]:
    """Seeds as integers: one, several, or text such as "0,1,4-6".

    Raises:
        ValueError: text that is no list of seeds.
        TypeError: something that is not a whole number.
    """
    if isinstance(seeds, str):
        return parse_seeds(seeds)
    several = seeds if isinstance(seeds, Iterable) else [seeds]
    return [operator.index(seed) for seed in several]


def parse_seeds(text: str) -> list[int]:
    """Seeds of ``"0,1,4-6"`` (inclusive ranges), in the order written.

    Raises:
        ValueError: anything else.
    """
    seeds: list[int] = []
    for part in text.replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise ValueError(f"seeds must look like 0,1,4-6, got {text!r}")
        if dash and int(last) < int(first):
            raise ValueError(f"seeds: the range {part} runs backwards; write {last}-{first}")
        if int(last or first) > _MAX_SEED:
            raise ValueError(f"seeds must be integers 0 ... {_MAX_SEED}, got {part}")
        seeds.extend(range(int(first), int(last or first) + 1))
    return seeds


def subkey(key: int, purpose: int) -> int:
    """An independent 64-bit key for one use of a job's key (SplitMix64's finaliser)."""
    x = (key + (purpose + 1) * 0x9E3779B97F4A7C15) & _MASK64
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK64
    x ^= x >> 31
    return x - (1 << 64) if x >> 63 else x


def philox(key: int, ids: Tensor, blocks: int) -> Tensor:
    """Philox 4x32-10: four random 32-bit words per block, a pure function of (key, id, block).

    Args:
        key: 64 bits.
        ids: sample ids [N], int64.
        blocks: how many counters per id.

    Returns:
        [N, blocks, 4] int64, each 0 ... 2^32 - 1. Counter words: (block, 0, id low, id high).

    Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
    """
    n, device = ids.shape[0], ids.device
    a = torch.arange(blocks, device=device, dtype=torch.int64).expand(n, blocks)
    b = torch.zeros_like(a)
    c = (ids & _LOW)[:, None].expand(n, blocks)
    d = ((ids >> 32) & _LOW)[:, None].expand(n, blocks)
    k0, k1 = key & _LOW, (key >> 32) & _LOW
    for _ in range(10):
        # int64 products wrap modulo 2^64, which keeps all the bits that are looked at.
        p, q = a * _MULTIPLIERS[0], c * _MULTIPLIERS[1]
        a, b, c, d = ((q >> 32) & _LOW) ^ b ^ k0, q & _LOW, ((p >> 32) & _LOW) ^ d ^ k1, p & _LOW
        k0, k1 = (k0 + _WEYL[0]) & _LOW, (k1 + _WEYL[1]) & _LOW
    return torch.stack((a, b, c, d), dim=-1)


def normal(key: int, ids: Tensor, size: int) -> Tensor:
    """Standard normal numbers keyed by sample id ("normal-v1").

    u = (word >> 8) / 2^24; pairs (u, v) of a block give sqrt(-2 ln(u + 2^-25)) * (cos, sin)(2 pi v),
    in float64, rounded to float32 (Box and Muller 1958).

    Args:
        key: 64 bits; see `subkey` for independent streams.
        ids: sample ids [N], int64. Row n depends on (key, ids[n]) alone, not on the batch.
        size: numbers per id.

    Returns:
        [N, size] float32 on the device of ``ids``.
    """
    u = (philox(key, ids, -(-size // 4)) >> 8).double() / 2**24
    radius = (-2 * (u[..., 0::2] + 2**-25).log()).sqrt()
    angle = 2 * torch.pi * u[..., 1::2]
    pairs = torch.stack((radius * angle.cos(), radius * angle.sin()), dim=-1)
    return pairs.flatten(1)[:, :size].float()

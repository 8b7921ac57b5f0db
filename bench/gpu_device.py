"""The device that gpu_check asks, and its stand-in on the CPU, so that every step can be rehearsed without one."""

from __future__ import annotations

import contextlib
import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Device:
    """A GPU, or the CPU in its place.

    Attributes:
        name: "cuda" or "cpu".
        rounds: of every timing; their median counts.
    """

    name: str
    rounds: int

    @property
    def real(self) -> bool:
        """Whether it is a GPU."""
        return self.name == "cuda"

    def synchronize(self) -> None:
        """Wait for all work."""
        if self.real:
            torch.cuda.synchronize()

    def free(self) -> int:
        """Bytes of memory that can be had."""
        return int(torch.cuda.mem_get_info()[0]) if self.real else 1 << 30

    def busy(self) -> None:
        """Keep the current stream busy for a long while, and return at once."""
        if self.real:
            torch.cuda._sleep(200_000_000)  # clock cycles: about a tenth of a second

    @contextlib.contextmanager
    def side_stream(self) -> Iterator[None]:
        """Work in here goes to a stream of its own, which does not wait for the others."""
        if not self.real:
            yield
            return
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            yield

    def recorded(self, work: Callable[[], object]) -> Callable[[], object]:
        """Work as a CUDA graph: recorded once, replayed by what is returned."""
        if not self.real:
            return work
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            work()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            work()
        return graph.replay

    def milliseconds(self, work: Callable[[], object], *, cold: bool = False) -> float:
        """Median time of the work on the device; `cold` empties the second-level cache before each."""
        flush = torch.empty(64 << 20, device=self.name) if cold and self.real else None
        for _ in range(3 if self.real else 1):
            work()
        times = []
        for _ in range(self.rounds):
            if flush is not None:
                flush.zero_()
            times.append(self._once(work))
        return statistics.median(times)

    def _once(self, work: Callable[[], object]) -> float:
        if not self.real:
            start = time.perf_counter()
            work()
            return (time.perf_counter() - start) * 1e3
        first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        first.record()
        work()
        last.record()
        last.synchronize()
        return float(first.elapsed_time(last))


def ulps(a: Tensor, b: Tensor) -> int:
    """The largest number of representable values between two tensors of one dtype; NaN counts as itself."""
    whole = {2: torch.int16, 4: torch.int32, 8: torch.int64}[a.element_size()]
    lowest = torch.iinfo(whole).min

    def ordered(x: Tensor) -> Tensor:
        bits = x.detach().cpu().contiguous().view(whole).to(torch.int64)
        return torch.where(bits < 0, lowest - bits, bits)

    a, b = a.cpu(), b.cpu()
    if not torch.equal(a.isnan(), b.isnan()):
        return 1 << 62
    difference = (ordered(a) - ordered(b))[~a.isnan()].abs()
    return int(difference.max()) if difference.numel() else 0


def relative(found: Tensor, truth: Tensor) -> float:
    """|found - truth| / |truth|, both as vectors in float64."""
    truth = truth.detach().cpu().double()
    error = float((found.detach().cpu().double() - truth).norm() / truth.norm())
    return error if math.isfinite(error) else math.inf

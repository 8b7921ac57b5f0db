"""The device that gpu_check asks, and its stand-in on the CPU, so that every step can be rehearsed without one."""

from __future__ import annotations

import contextlib
import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

_LEAST_ROUNDS = 3
_LONG_MS = 200.0
_MOST_MS = 2000.0  # of one comparison, all its sides and rounds


@dataclass(frozen=True)
class Device:
    """A GPU, or the CPU in its place.

    Attributes:
        name: "cuda" or "cpu".
        rounds: of every timing; their median counts. Fewer where one takes long.
        until: when the check's time is over, in seconds of `time.perf_counter`.
    """

    name: str
    rounds: int
    until: float = math.inf

    @property
    def real(self) -> bool:
        """Whether it is a GPU."""
        return self.name == "cuda"

    def left(self, most: float) -> float:
        """Seconds that something may take which wants `most`."""
        return max(1.0, min(most, self.until - time.perf_counter()))

    def synchronize(self) -> None:
        """Wait for all work."""
        if self.real:
            torch.cuda.synchronize()

    def alive(self) -> bool:
        """Whether this process can still use it: a kernel that faults takes all later calls with it.

        What is cached is given back too, so that processes of later steps can have it.
        """
        try:
            self.synchronize()
            if self.real:
                torch.cuda.empty_cache()
        except (AssertionError, RuntimeError):  # the first is torch's without CUDA
            return False
        return True

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
        return self.in_turn({"": work}, cold=cold)[""]

    def in_turn(
        self, works: Mapping[str, Callable[[], object]], *, cold: bool = False
    ) -> dict[str, float]:
        """Median times, in milliseconds; every round runs all of the works, so that a hot clock is hot for all."""
        flush = torch.empty(64 << 20, device=self.name) if cold and self.real else None
        for work in works.values():
            if (
                self._once(work) < _LONG_MS and self.real
            ):  # warm-up: libraries choose, memory is asked for
                for _ in range(2):
                    work()
        times: dict[str, list[float]] = {name: [] for name in works}
        for done in range(self.rounds):
            spent = sum(map(sum, times.values()))
            if done >= _LEAST_ROUNDS and spent > _MOST_MS:
                break
            for name, work in works.items():
                if flush is not None:
                    flush.zero_()
                times[name].append(self._once(work))
        return {name: statistics.median(taken) for name, taken in times.items()}

    def peak(self, work: Callable[[], object]) -> int | None:
        """Bytes of device memory that the work needs beyond what is held before it; None on the CPU."""
        if not self.real:
            work()
            return None
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        torch.cuda.synchronize()
        return int(torch.cuda.max_memory_allocated() - before)

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
    """|found - truth| / |truth|, both as vectors in float64, where the truth is."""
    truth = truth.detach().double()
    error = float((found.detach().to(truth.device).double() - truth).norm() / truth.norm())
    return error if math.isfinite(error) else math.inf

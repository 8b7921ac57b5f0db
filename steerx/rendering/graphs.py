"""CUDA graphs: a rendering recorded once per batch size, then replayed in one launch."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_WARM_UPS = 2  # the library measures its algorithms and asks for workspaces before the recording


@dataclass(frozen=True)
class _Recording:
    graph: torch.cuda.CUDAGraph
    inputs: list[Tensor]
    output: Tensor


def _stream(tensor: Tensor) -> int:
    return torch.cuda.current_stream(tensor.device).cuda_stream if tensor.is_cuda else 0


class Graphs:
    """Recordings by key; the one that was used longest ago makes room.

    Args:
        most: how many are kept; each holds the memory of its activations.
    """

    def __init__(self, most: int = 4) -> None:
        self.most = most
        self._kept: OrderedDict[Hashable, _Recording] = OrderedDict()

    def run(
        self, key: Hashable, inputs: Sequence[Tensor], work: Callable[[list[Tensor]], Tensor]
    ) -> Tensor:
        """What `work` makes of the inputs, replayed where it was recorded before.

        Args:
            key: of everything else that the result depends on, sizes included.
            inputs: CUDA tensors; their values may change from call to call.
            work: launches kernels and asks the device nothing.

        Returns:
            A tensor of the caller's own.
        """
        # What is recorded in inference mode could not be written to outside it.
        with torch.inference_mode(False), torch.no_grad(), torch.cuda.device_of(inputs[0]):
            key = (key, _stream(inputs[0]))  # two streams would write into one recording at a time
            # Whoever uses a recording takes it: another thread that comes meanwhile makes its own.
            kept = self._kept.pop(key, None) or self._record(inputs, work)
            for own, given in zip(kept.inputs, inputs, strict=True):
                own.copy_(given)
            kept.graph.replay()
            result = kept.output.clone()
            self._kept[key] = kept
            while len(self._kept) > self.most:
                self._kept.popitem(last=False)
            return result

    def __reduce__(self) -> tuple[type[Graphs], tuple[int]]:
        return Graphs, (self.most,)  # a copy records anew

    def clear(self) -> None:
        """Forget all recordings and give their memory back."""
        self._kept.clear()

    @staticmethod
    def _record(inputs: Sequence[Tensor], work: Callable[[list[Tensor]], Tensor]) -> _Recording:
        own = [tensor.clone() for tensor in inputs]
        current, side = torch.cuda.current_stream(), torch.cuda.Stream()
        side.wait_stream(current)
        with torch.cuda.stream(side):
            for _ in range(_WARM_UPS):
                work(own)
        current.wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            output = work(own)
        return _Recording(graph, own, output)

"""Adam on named tensors, which can be kept in a file between two steps and go on from there, bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

Named = Mapping[str, Tensor]
_BETAS, _EPS = (0.9, 0.999), 1e-8


@dataclass(frozen=True, eq=False)
class Descent:
    """Parameters on their way; a step gives new ones, so that an interrupted step leaves nothing half done.

    Attributes:
        values: the parameters, by name.
        first, second: running means of their gradients and of the squares of these.
        step: how many steps were made.

    Source: Kingma and Ba 2015 (Adam), algorithm 1.
    """

    values: Named
    first: Named
    second: Named
    step: int = 0

    @classmethod
    def begin(cls, values: Named) -> Descent:
        """Before the first step."""
        first, second = (
            {name: torch.zeros_like(t) for name, t in values.items()} for _ in range(2)
        )
        return cls(values, first, second)

    def advanced(
        self,
        loss: Callable[[Named], Tensor],
        rate: float,
        *,
        scale: Mapping[str, float] | None = None,
        then: Callable[[Named], object] | None = None,
    ) -> Descent:
        """One step further; gradients are asked for these tensors alone, so that no weight of a network gets one.

        Args:
            loss: of the parameters, a scalar.
            rate: learning rate.
            scale: factors on it by name; 1 where there is none.
            then: changes the new values in place, before anybody sees them.
        """
        leaves = {name: v.detach().requires_grad_(True) for name, v in self.values.items()}
        with torch.enable_grad():
            gradients: tuple[Tensor | None, ...] = torch.autograd.grad(
                loss(leaves), list(leaves.values()), allow_unused=True
            )
        step = self.step + 1
        whole = [1 - beta**step for beta in _BETAS]
        values, first, second = dict(self.values), dict(self.first), dict(self.second)
        with torch.no_grad():
            for name, gradient in zip(leaves, gradients, strict=True):
                if gradient is None:  # nothing that is seen depends on it
                    continue
                first[name] = torch.lerp(first[name], gradient, 1 - _BETAS[0])
                second[name] = torch.lerp(second[name], gradient.square(), 1 - _BETAS[1])
                length = (second[name] / whole[1]).sqrt_().add_(_EPS)
                size = rate * (scale or {}).get(name, 1.0) / whole[0]
                values[name] = values[name] - size * first[name] / length
            if then is not None:
                then(values)
        return Descent(values, first, second, step)

    def tensors(self) -> dict[str, Tensor]:
        """All that going on needs but the number of the step."""
        groups = {"value": self.values, "first": self.first, "second": self.second}
        return {
            f"{group}.{name}": t for group, those in groups.items() for name, t in those.items()
        }

    def taken_up(self, tensors: Named, step: int) -> Descent:
        """What `tensors` gave, where it was.

        Raises:
            KeyError: a tensor is not there, or of another shape.
        """
        mine = self.tensors()
        for name, tensor in mine.items():
            if name not in tensors or tensors[name].shape != tensor.shape:
                raise KeyError(name)
        values, first, second = (
            {name: tensors[f"{group}.{name}"].to(t) for name, t in self.values.items()}
            for group in ("value", "first", "second")
        )
        return Descent(values, first, second, step)

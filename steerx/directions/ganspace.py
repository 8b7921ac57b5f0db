"""GANSpace: principal components of the mapped latent w, from an exact streamed covariance."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._layers import parse_layers
from .._seeds import normal, z_from_seeds
from .directions import Directions
from .estimator import SIGN, Estimator, Mapping, Network, anchor_signs, as_tensor
from .moments import Moments


class GANSpace(Estimator):
    """Directions in which the codes vary most: leading eigenvectors of the covariance of w.

    Mean and covariance are accumulated in float64 over all n codes, so the result does not depend
    on the batch size (to 1e-6) and nothing but [D, D] is held. alpha = 1 is one standard deviation
    along the component, added before truncation. The codes are never truncated.

    Args:
        k: how many components.
        space: what the codes are: "w" ("z" only for codes given to `fit`, as z of a generator has
            no preferred axes).
        n: how many codes `fit(G)` draws.
        layers: layer string, the rows of w_plus that the directions move.
        batch: codes per step of the mapping network.
        seed: key of the draw; code i depends on (seed, i) alone.

    Attributes:
        mean_: [D] float64.
        covariance_: [D, D] float64, denominator n - 1.
        explained_variance_: [k] float64, descending.
        explained_variance_ratio_: [k] float64, of the whole variance.
        n_samples_: how many codes were seen.
        directions_: "pc0", "pc1", ... with scale = sigma, unit sigma, scores = explained-variance
            ratio.

    Source: Harkonen et al., "GANSpace: discovering interpretable GAN controls", NeurIPS 2020,
    section 2.2 (PCA in W).

    Example:
        >>> D = GANSpace(k=10).fit(G).directions_  # doctest: +SKIP
    """

    mean_: Tensor
    covariance_: Tensor
    explained_variance_: Tensor
    explained_variance_ratio_: Tensor
    n_samples_: int
    _moments: Moments | None = None

    def __init__(
        self,
        k: int = 10,
        *,
        space: Literal["w", "z"] = "w",
        n: int = 100_000,
        layers: str = "all",
        batch: int = 10_000,
        seed: int = 0,
    ) -> None:
        self.k = k
        self.space = space
        self.n = n
        self.layers = layers
        self.batch = batch
        self.seed = seed

    @torch.no_grad()
    def fit(
        self,
        source: Mapping | Tensor | NDArray[np.floating[Any]],
        *,
        seeds: Iterable[int] | None = None,
        label: int | None = None,
    ) -> GANSpace:
        """Find the components of a generator's w, or of codes [N, D].

        Args:
            source: a generator, whose mapping network is sampled; or codes [N, D].
            seeds: draw these user-facing seeds (NumPy's legacy stream) instead of n counter-based
                codes.
            label: class of a conditional generator.

        Raises:
            ValueError: codes that are not [N, D], too few of them, more components than dimensions,
                or a wrong layer string.
        """
        self._moments = Moments()
        if self.batch < 1:
            raise ValueError(f"GANSpace(batch={self.batch}): batch must be at least 1")
        if isinstance(source, (Tensor, np.ndarray)):
            if seeds is not None or label is not None:
                raise ValueError(
                    "GANSpace.fit: seeds and label choose what a generator draws, not codes"
                )
            codes = self._codes(source)
            for start in range(0, len(codes), self.batch):
                self._moments.add(codes[start : start + self.batch])
            return self._finish(None, None, {"n": len(codes)})
        if self.space == "z":
            raise ValueError(
                'GANSpace(space="z").fit: z of a generator is isotropic and has no principal '
                'axes; use space="w"'
            )
        drawn = iter(seeds) if seeds is not None else None
        while (z := self._draw(drawn, source.z_dim, self._moments.count)) is not None:
            self._moments.add(source.codes(z=z, space="w", label=label))
        return self._finish(source, label, {"seeds": seeds is not None, "n": self._moments.count})

    @torch.no_grad()
    def partial_fit(self, codes: Tensor | NDArray[np.floating[Any]]) -> GANSpace:
        """Take in one more chunk of codes [N, D] and renew what is learned once more than k came.

        Start it on a new GANSpace: chunks of codes say nothing of the generator they came from.
        """
        if self._moments is None:
            self._moments = Moments()
        chunk = self._codes(codes)
        if self._moments.count and chunk.shape[1] != len(self._moments.mean):
            raise ValueError(
                f"GANSpace.partial_fit: codes must be [N, D] with D = {len(self._moments.mean)} as "
                f"before, got {list(chunk.shape)}"
            )
        self._moments.add(chunk)
        return self._finish(None, None, {}) if self._moments.count > self.k else self

    def _codes(self, codes: Tensor | NDArray[np.floating[Any]]) -> Tensor:
        tensor = as_tensor(codes)
        if tensor.dim() != 2 or tensor.numel() == 0 or not tensor.dtype.is_floating_point:
            raise ValueError(
                f"GANSpace: codes must be floating-point [N, D], got {tensor.dtype} "
                f"{list(tensor.shape)}"
            )
        if not bool(tensor.isfinite().all()):
            raise ValueError("GANSpace: codes must be finite, got NaN or infinity")
        return tensor

    def _draw(self, seeds: Iterable[int] | None, z_dim: int, start: int) -> Tensor | None:
        """The next z [batch, Z], or None when all are drawn."""
        if seeds is not None:
            chunk = list(islice(seeds, self.batch))
            return z_from_seeds(chunk, z_dim) if chunk else None
        stop = min(start + self.batch, self.n)
        return normal(self.seed, torch.arange(start, stop), z_dim) if stop > start else None

    def _finish(self, G: Network | None, label: int | None, facts: dict[str, Any]) -> GANSpace:
        moments = self._moments
        if moments is None or moments.count <= self.k:
            raise ValueError(
                f"GANSpace(k={self.k}): {self.k} components need more than {self.k} codes, got "
                f"{0 if moments is None else moments.count}"
            )
        size = len(moments.mean)
        if not 1 <= self.k <= size:
            raise ValueError(f"GANSpace(k={self.k}): k must be 1 to {size}, the size of a code")
        if self.layers != "all" and G is None:
            raise ValueError(
                f'GANSpace(layers="{self.layers}"): codes alone do not say how many layers there '
                "are; fit a generator"
            )
        covariance = moments.covariance()
        if not float(covariance.diagonal().sum()) > 0:
            raise ValueError(
                f"GANSpace(k={self.k}): all {moments.count} codes are the same; give codes that vary"
            )
        values, columns = torch.linalg.eigh(covariance)
        values, rows = values.flip(0).clamp_min(0), anchor_signs(columns.T.flip(0))
        self.mean_, self.covariance_, self.n_samples_ = moments.mean, covariance, moments.count
        self.explained_variance_ = values[: self.k]
        self.explained_variance_ratio_ = self.explained_variance_ / values.sum()
        self.directions_ = Directions(
            rows[: self.k].float(),
            space=self.space,
            names=[f"pc{k}" for k in range(self.k)],
            layers=None if G is None else self._layers(G),
            scale=self.explained_variance_.sqrt().float(),
            unit="sigma",
            when="before_truncation",
            label=label,
            scores=self.explained_variance_ratio_.float(),
            score_name="explained_variance_ratio",
            mean=self.mean_.float(),
            covariance=covariance.float(),
            sign=SIGN,
            model_id=None if G is None else G.model_id,
            resolution=None if G is None else G.resolution,
            truncation=(1.0, None) if G is not None else None,
            provenance={**self._provenance(), **facts},
        )
        return self

    def _layers(self, G: Network) -> tuple[int, ...] | None:
        rows = parse_layers(self.layers, G.num_ws, caller="GANSpace")
        return None if rows == tuple(range(G.num_ws)) else rows

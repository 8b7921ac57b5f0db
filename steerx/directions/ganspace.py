"""GANSpace: components of the mapped latent w, or of a layer and regressed back to the latent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._layers import parse_layers
from .activations import Layer
from .components import FULL, ITERATIONS, KINDS, Components, Kind, components, from_moments
from .directions import Directions
from .estimator import SIGN, Estimator, Mapping, Network, as_tensor
from .moments import Moments
from .readers import reading
from .regression import Latents, regress
from .sampling import Read, Sampling, parts

if TYPE_CHECKING:
    from ..generators import Generator
    from ..working import Crew

_FRESH = 10_000  # codes that a regression takes at least


class GANSpace(Estimator):
    """Directions in which the codes, or a layer's activations, vary most.

    Of w: leading eigenvectors of the covariance. Mean and covariance are accumulated in float64
    over all n codes, so the result does not depend on the batch size (to 1e-6) and nothing but [D,
    D] is held. alpha = 1 is one standard deviation along the component, added before truncation.
    The codes are never truncated. Of a layer: the components of its activations, then the latent
    directions that go with them, by least squares on max(10,000, n) fresh codes. [F, F] is held up to
    F = 8,000 features; above, a randomised block iteration runs the n codes three times.

    Args:
        k: how many components.
        space: latent of the directions: "w", or "z" (of a layer; or of codes given to `fit`, as z
            of a generator has no preferred axes). For z, alpha = 1 is a length of 1.
        layer: None = the codes themselves; else a layer's activations: "act:<i>" for style_layer i,
            or the dotted name of a module, such as "mapping" or "synthesis.layers.3.affine".
        estimator: "pca"; "ipca" (scikit-learn's IncrementalPCA, a chunk of `batch` at a time, so it
            depends on it); "ica" or "spca" (independent or sparse components, by falling spread;
            they see the first 2^26 numbers of the rows at most).
        n: how many codes `fit(G)` draws.
        layers: layer string, the rows of w_plus that the directions move.
        centred: absolute motion: alpha sets the coordinate, counted from the mean, where it
            otherwise adds to it. In z or w, on all layers.
        compat: "ganspace" computes as the published program does: IncrementalPCA, regression
            without intercept, spread of the latents on 5,000 codes. Its draw of codes depends on a
            batch size that its files do not say; give the codes to `fit` to repeat one exactly.
        batch: codes per step, fewer where a layer is large.
        seed: key of the draw; code i depends on (seed, i) alone.

    Attributes:
        mean_: [D] float64, of the latent codes.
        covariance_: [D, D] float64, denominator n - 1, of the latent codes.
        explained_variance_: [k] float64, descending; of the activations where a layer is given.
        explained_variance_ratio_: [k] float64, of the whole variance.
        random_stdevs_: [k] float64, spread along random directions instead.
        n_samples_: how many codes were seen.
        directions_: "pc0", "pc1", ... with scale = sigma, unit sigma, scores = explained-variance
            ratio.
        activation_directions_: of a layer: its components as [k, F] in space "act:<layer>", scale =
            their sigma, with the shape of one sample in the provenance. None without a layer.

    Source: Harkonen et al., "GANSpace: discovering interpretable GAN controls", NeurIPS 2020,
    section 2.2 (PCA in W; layer-wise PCA and regression).

    Example:
        >>> D = GANSpace(k=10).fit(G).directions_  # doctest: +SKIP
        >>> D = GANSpace(k=10, layer="act:3", n=5000).fit(G).directions_  # doctest: +SKIP
    """

    mean_: Tensor
    covariance_: Tensor
    explained_variance_: Tensor
    explained_variance_ratio_: Tensor
    random_stdevs_: Tensor
    n_samples_: int
    activation_directions_: Directions | None
    _moments: Moments | None = None

    def __init__(
        self,
        k: int = 10,
        *,
        space: Literal["w", "z"] = "w",
        layer: str | None = None,
        estimator: Kind = "pca",
        n: int = 100_000,
        layers: str = "all",
        centred: bool = False,
        compat: Literal["ganspace"] | None = None,
        batch: int = 10_000,
        seed: int = 0,
    ) -> None:
        self.k = k
        self.space = space
        self.layer = layer
        self.estimator = estimator
        self.n = n
        self.layers = layers
        self.centred = centred
        self.compat = compat
        self.batch = batch
        self.seed = seed

    @torch.no_grad()
    def fit(
        self,
        source: Mapping | Tensor | NDArray[np.floating[Any]],
        *,
        seeds: Iterable[int] | None = None,
        label: int | None = None,
        crew: Crew | None = None,
        watch: Callable[[int], object] | None = None,
    ) -> GANSpace:
        """Find the components of a generator's w or layer, or of codes [N, D].

        Args:
            source: a generator, whose networks are sampled; or codes [N, D].
            seeds: draw these user-facing seeds (NumPy's legacy stream) instead of n counter-based
                codes.
            label: class of a conditional generator; the components are of that class alone.
            crew: workers that run the generator (`steerx.working.Crew`), each on one thread or GPU; what they
                read is summed here, in order, so it is *repeatable* for any number of them. None = this process.
            watch: is told how many codes more were read of a generator.

        Raises:
            CrewError: a ValueError: workers cannot be had, or ended three times with the same codes.
            ValueError: codes that are not [N, D], too few of them, more components than dimensions,
                an unknown layer (the message lists the known), activations that are not finite or do
                not vary, a class that is not there, or a wrong layer string.
        """
        kind = self._kind()
        settings = {"seed": self.seed, "batch": self.batch}
        self._moments = None
        if isinstance(source, (Tensor, np.ndarray)):
            if seeds is not None or label is not None or crew is not None:
                raise ValueError(
                    "GANSpace.fit: seeds, label and crew are for a generator that is sampled, not codes"
                )
            self._codes_alone()
            codes = self._codes(source)
            self._check_size(*codes.shape)
            chunks = codes.split(self.batch)
            found = components(lambda: iter(chunks), self.k, codes.shape[1], kind, **settings)
            return self._finish(None, None, self._of_codes(found, chunks), found, {"n": len(codes)})
        self._check_spaces(source)
        G = cast("Generator", source)
        listed = None if seeds is None else list(seeds)
        count = self.n if listed is None else len(listed)
        facts = {"seeds": listed is not None, "n": count}
        layer = None if self.layer is None else Layer(G, self.layer, label=label)
        sampling = Sampling(G, layer, label, self.seed)
        if layer is not None:
            self._check_size(count, layer.features)
            with reading(sampling, crew, watch) as read:
                return self._fit_layer(sampling, kind, read, listed, facts)
        drawn = parts(range(count), self.batch, seeds=listed)
        size = self._codes(G.codes(z=torch.zeros(1, G.z_dim), space="w", label=label)).shape[1]
        self._check_size(count, size)
        with reading(sampling, crew, watch) as read:

            def mapped() -> Iterator[Tensor]:
                return (self._codes(w) for (w,) in read(drawn))

            found = components(mapped, self.k, size, kind, **settings)
            return self._finish(source, label, self._of_codes(found, mapped()), found, facts)

    @torch.no_grad()
    def partial_fit(self, codes: Tensor | NDArray[np.floating[Any]]) -> GANSpace:
        """Take in one more chunk of codes [N, D] and renew what is learned once more than k came.

        Start it on a new GANSpace: chunks of codes say nothing of the generator they came from.
        """
        if self._kind() != "pca":
            raise ValueError('GANSpace.partial_fit: only estimator="pca" takes chunks; use fit')
        self._codes_alone()
        if self._moments is None:
            self._moments = Moments()
        chunk = self._codes(codes)
        if self._moments.count and chunk.shape[1] != len(self._moments.mean):
            raise ValueError(
                f"GANSpace.partial_fit: codes must be [N, D] with D = {len(self._moments.mean)} as "
                f"before, got {list(chunk.shape)}"
            )
        self._moments.add(chunk)
        if self._moments.count <= self.k:
            return self
        self._check_size(self._moments.count, chunk.shape[1])
        found = from_moments(self._moments, self.k)
        return self._finish(None, None, self._of_codes(found, ()), found, {})

    def layer_runs(self, G: Generator, *, label: int | None = None) -> tuple[Layer, int]:
        """The layer, and how many samples `fit` would run through it; refuses what `fit` would."""
        kind = self._kind()
        self._check_spaces(G)
        layer = Layer(G, str(self.layer), label=label)
        self._check_size(self.n, layer.features)
        passes = ITERATIONS + 1 if kind == "pca" and layer.features > FULL else 1
        return layer, passes * self.n + max(_FRESH, self.n)

    def _fit_layer(
        self,
        sampling: Sampling,
        kind: Kind,
        read: Read,
        seeds: list[int] | None,
        facts: dict[str, Any],
    ) -> GANSpace:
        G, layer, label = sampling.G, sampling.layer, sampling.label
        assert layer is not None
        batch, count = min(self.batch, layer.batch), facts["n"]
        drawn = parts(range(count), batch, seeds=seeds)
        fresh = parts(range(count, count + max(_FRESH, count)), batch, space=self.space)
        found = components(
            lambda: (rows for (rows,) in read(drawn)),
            self.k, layer.features, kind, seed=self.seed, batch=self.batch,
        )  # fmt: skip
        pairs = ((rows, latents) for rows, latents in read(fresh))
        latents = regress(pairs, found, published=self.compat is not None)
        if self.space == "z":  # a standard normal: known, not measured
            latents = Latents(
                latents.vectors, torch.ones_like(latents.stdev), latents.mean, latents.covariance
            )
        self._finish(G, label, latents, found, facts)
        self.activation_directions_ = Directions(
            found.vectors.float(),
            space=f"act:{layer.name.removeprefix('act:')}",
            names=self.directions_.names,
            scale=found.stdev.float(),
            unit="sigma",
            label=label,
            scores=found.variance_ratio.float(),
            score_name=self._score_name(),
            mean=found.mean.float(),
            sign=SIGN,
            model_id=G.model_id,
            resolution=G.resolution,
            truncation=(1.0, None),
            provenance={
                **self._provenance(),
                **facts,
                "shape": list(layer.shape),
                "random_stdevs": found.random_stdevs.float().tolist(),
            },
        )
        return self

    def _kind(self) -> Kind:
        """The estimator, after a look at the parameters that depend on no network."""
        if self.batch < 1:
            raise ValueError(f"GANSpace(batch={self.batch}): batch must be at least 1")
        if type(self.k) is not int or self.k < 1:
            raise ValueError(f"GANSpace(k={self.k}): k must be 1 or more, and a whole number")
        for name, value, known in (
            ("estimator", self.estimator, KINDS),
            ("space", self.space, ("w", "z")),
            ("compat", self.compat, (None, "ganspace")),
        ):
            if value not in known:
                said = ", ".join(str(one) for one in known)
                raise ValueError(f"GANSpace({name}={value!r}): {name} must be one of {said}")
        if self.layers != "all" and (self.space == "z" or self.centred):
            said = 'space="z"' if self.space == "z" else "centred=True"
            raise ValueError(
                f'GANSpace({said}, layers="{self.layers}"): such a direction moves all layers alike; '
                'leave out layers, or take space="w" and centred=False'
            )
        if self.compat is not None and self.estimator not in ("pca", "ipca"):
            raise ValueError(
                f'GANSpace(compat="ganspace", estimator="{self.estimator}"): that program is '
                'repeated with estimator="ipca" only; leave out one of them'
            )
        return "ipca" if self.compat is not None else self.estimator

    def _codes_alone(self) -> None:
        """Refuse what codes alone cannot tell."""
        for name, value, least, what in (
            ("layers", self.layers, "all", "how many layers there are"),
            ("layer", self.layer, None, "what a layer makes of them"),
        ):
            if value != least:
                raise ValueError(
                    f'GANSpace({name}="{value}"): codes alone do not say {what}; fit a generator'
                )

    def _check_spaces(self, G: Network) -> None:
        if self.space not in G.spaces:
            raise ValueError(
                f'GANSpace(space="{self.space}"): this generator has no {self.space}; its spaces are '
                f"{', '.join(s for s in G.spaces if not s.startswith('act:'))}; take a layer of it "
                'with space="z"'
            )
        if self.space == "z" and self.layer is None:
            raise ValueError(
                'GANSpace(space="z").fit: z of a generator is isotropic and has no principal '
                'axes; use space="w", or a layer="..." to find what moves it'
            )
        self._layers(G)

    def _check_size(self, count: int, size: int) -> None:
        if count <= self.k:
            raise ValueError(
                f"GANSpace(k={self.k}): {self.k} components need more than {self.k} codes, got "
                f"{count}"
            )
        if self.k > size:
            what = "a code" if self.layer is None else f"layer {self.layer}"
            raise ValueError(f"GANSpace(k={self.k}): k must be 1 to {size}, the size of {what}")

    def _codes(self, codes: Any) -> Tensor:
        tensor = as_tensor(codes)
        if tensor.dim() != 2 or tensor.numel() == 0 or not tensor.dtype.is_floating_point:
            raise ValueError(
                f"GANSpace: codes must be floating-point [N, D], got {tensor.dtype} "
                f"{list(tensor.shape)}"
            )
        if not bool(tensor.isfinite().all()):
            raise ValueError("GANSpace: codes must be finite, got NaN or infinity")
        return tensor

    def _of_codes(self, found: Components, again: Iterable[Tensor]) -> Latents:
        """The components as they are, where the codes are the latents."""
        mean, covariance = found.mean, found.covariance
        if covariance is None:
            moments = Moments()
            for rows in again:
                moments.add(rows)
            mean, covariance = moments.mean, moments.covariance()
        return Latents(found.vectors, found.stdev, mean, covariance)

    def _finish(
        self,
        G: Network | None,
        label: int | None,
        latents: Latents,
        found: Components,
        facts: dict[str, Any],
    ) -> GANSpace:
        self.mean_, self.covariance_ = latents.mean, latents.covariance
        self.n_samples_ = found.count
        self.explained_variance_ = found.stdev.square()
        self.explained_variance_ratio_ = found.variance_ratio
        self.random_stdevs_ = found.random_stdevs
        self.activation_directions_ = None
        mean = latents.mean.to(latents.vectors)
        self.directions_ = Directions(
            latents.vectors.float(),
            space=self.space,
            names=[f"pc{k}" for k in range(self.k)],
            layers=None if G is None else self._layers(G),
            scale=latents.stdev.float(),
            unit="sigma",
            motion="absolute" if self.centred else "relative",
            origin="boundary" if self.centred else "zero",
            intercepts=-(latents.vectors @ mean).float() if self.centred else None,
            when="before_truncation",
            label=label,
            scores=found.variance_ratio.float(),
            score_name=self._score_name(),
            mean=mean.float(),
            covariance=latents.covariance.float(),
            sign=SIGN if self.layer is None else f"{SIGN}, of the layer's component",
            model_id=None if G is None else G.model_id,
            resolution=None if G is None else G.resolution,
            truncation=(1.0, None) if G is not None else None,
            provenance={**self._provenance(), **facts},
        )
        return self

    def _score_name(self) -> str:
        """Only at right angles do shares of the variance add up."""
        principal = self.estimator in ("pca", "ipca")
        return "explained_variance_ratio" if principal else "variance_ratio"

    def _layers(self, G: Network) -> tuple[int, ...] | None:
        if self.layers == "all":
            return None
        rows = parse_layers(self.layers, G.num_ws, caller="GANSpace")
        return None if rows == tuple(range(G.num_ws)) else rows

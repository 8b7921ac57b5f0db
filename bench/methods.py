"""The methods against the truth of `faces`: measures, writes a dated JSON and docs/methods.md.

python -m bench.methods                    # all of it: minutes on one core
python -m bench.methods --quick            # tiny sizes, to see that it runs; writes nothing without --page
python -m bench.methods --from FILE.json   # the page again from numbers already measured
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
import torch

import steerx
from bench.methods_agreement import SPLIT, Setting, Target, agreement, compare, whitened_svm
from bench.methods_effects import (
    CHANGE,
    Pictures,
    conditioned_tables,
    factor_tables,
    leading_tables,
    picture_scores,
)
from bench.methods_page import page
from bench.methods_world import FACTORS, REFERENCE_KEY, Codes, draw, readout

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes:
        samples: codes per fit.
        ratios: shares of them per class.
        noises: of the scores, in standard deviations of each factor.
        draws: independent repetitions.
        reference: fresh codes on which the truth is regressed.
        seeds: pictures per direction and alpha.
        alphas: edit strengths, in standard deviations of the codes along a direction.
    """

    samples: tuple[int, ...] = (2_000, 20_000)
    ratios: tuple[float, ...] = (0.02, 0.1)
    noises: tuple[float, ...] = (0.0, 1.0)
    draws: int = 5
    reference: int = 200_000
    seeds: int = 48
    alphas: tuple[float, ...] = (-3.0, -1.5, 1.5, 3.0)


QUICK = Sizes((200, 250), draws=2, reference=2_000, seeds=2, alphas=(-3.0, 3.0))


def measure(sizes: Sizes, say: Any = print) -> dict[str, Any]:
    """All numbers of the page."""
    began = time.perf_counter()

    def passed(what: str) -> None:
        say(f"{time.perf_counter() - began:6.0f} s  {what}")

    G = steerx.load("faces")
    references = [readout(draw(G, sizes.reference, REFERENCE_KEY), space) for space in ("z", "w")]
    draws = [draw(G, max(sizes.samples), key) for key in range(sizes.draws)]
    settings = [
        Setting(n, ratio, noise)
        for noise in sizes.noises
        for ratio in sizes.ratios
        for n in sizes.samples
    ]
    rows = agreement(draws, references, settings)
    widest = Setting(max(sizes.samples), min(sizes.ratios), 0.0)
    whitened = whitened_svm(draws[0], references[1], widest)
    passed("agreement with the truth")
    scores = picture_scores(G, draws[0])
    passed(f"{len(scores):,} pictures scored")
    pictures = Pictures(G, references, sizes.seeds, sizes.alphas)
    result = {
        "agreement": rows,
        "whitened svm": whitened,
        "from pictures": _from_pictures(draws[0], scores, references, sizes),
        "r2": {one.space: [round(v, 5) for v in one.r2.tolist()] for one in references},
        "spread": _spread(references[1].covariance),
        "own eyeglasses": round(float(_own_share(references[0])), 5),
        "factors": factor_tables(pictures, draws[0], scores),
    }
    passed("effects of every factor's directions")
    result["conditioned"] = conditioned_tables(pictures, draws[0], scores)
    passed("effects of conditioned directions")
    result["leading"] = leading_tables(pictures, draws[0])
    passed("effects of SeFa and GANSpace")
    head = {"bench": "methods", "date": _today(), **machine()}
    head |= {"minutes": round((time.perf_counter() - began) / 60, 1)}
    named = {"names": list(FACTORS), "curved": list(steerx.faces.truth.BINARY_FACTORS)}
    named |= {"split": SPLIT, "change": CHANGE, "sizes": asdict(sizes)}
    return _rounded(head | named | result)


def _from_pictures(
    codes: Codes, scores: torch.Tensor, references: Sequence[Any], sizes: Sizes
) -> dict[str, Any]:
    """Agreement where the scores come from the scorer's view of the pictures, beside the truth."""
    seen = scores.double()
    both = torch.stack([seen - seen.mean(0), codes.truth - codes.truth.mean(0)])
    a, b = both / both.norm(dim=1, keepdim=True)
    rows = []
    for reference in references:
        for n in sizes.samples:
            setting, x = Setting(n, sizes.ratios[0], 0.0), codes.of(reference.space)[:n]
            row: dict[str, Any] = {"space": reference.space, "samples": n, "ratio": setting.ratio}
            for said, y in (("truth", codes.truth), ("pictures", seen)):
                row[said] = compare(Target(reference), x, y[:n], setting, ("svm", "ridge", "mean"))
            rows.append(row)
    correlation = (a * b).sum(dim=0).tolist()
    shared = _shared_extremes(codes.truth, seen, sizes.ratios[0])
    return {"correlation": correlation, "shared extremes": shared, "rows": rows}


def _shared_extremes(truth: torch.Tensor, seen: torch.Tensor, ratio: float) -> list[float]:
    """Share of the codes of the highest and lowest scores that are so in truth too, per factor."""
    size = int(len(truth) * ratio)
    found = []
    for a, b in zip(truth.T, seen.T, strict=True):
        ranks = [set(v.argsort()[part].tolist()) for v in (a, b)
                 for part in (slice(0, size), slice(len(v) - size, None))]  # fmt: skip
        found.append((len(ranks[0] & ranks[2]) + len(ranks[1] & ranks[3])) / (2 * size))
    return found


def _spread(covariance: torch.Tensor, axes: int = 5) -> dict[str, float]:
    """How unequal the variances of w are, and the share of the largest few."""
    values = torch.linalg.eigvalsh(covariance).flip(0)
    return {
        "largest": float(values[0]),
        "smallest": float(values[-1]),
        "axes": axes,
        "share": float(values[:axes].sum() / values.sum()),
    }


def _own_share(reference: Any) -> torch.Tensor:
    """Cosine of the regressed direction of eyeglasses with the one that they have for themselves."""
    k = FACTORS.index("eyeglasses")
    own = steerx.faces.directions()["eyeglasses"].double()
    return reference.directions.vectors[k].double() @ own


def machine() -> dict[str, Any]:
    """What a number is worth nothing without."""
    return {
        "machine": f"{platform.system()} {platform.machine()}",
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
    }


def _today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def _rounded(value: Any) -> Any:
    """Five digits are more than any table shows."""
    if isinstance(value, float):
        return round(value, 5)
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, (list, tuple)) else value


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure (or read), then write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny sizes")
    parser.add_argument("--from", dest="source", type=Path, help="a JSON of an earlier run")
    parser.add_argument("--page", type=Path, help="where the page goes; docs/methods.md")
    parser.add_argument("--results", type=Path, help="folder of the JSON; bench/results")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    at_home = not options.quick
    target = options.page or (ROOT / "docs" / "methods.md" if at_home else None)
    folder = options.results or (ROOT / "bench" / "results" if at_home else None)
    if options.source is not None:
        numbers = json.loads(options.source.read_text())
    else:
        numbers = measure(QUICK if options.quick else Sizes())
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / f"methods-{numbers['date']}.json"
            file.write_text(json.dumps(numbers, separators=(",", ":"), allow_nan=False) + "\n")
            print(f"written: {file.name}")
    if target is not None:
        target.write_text(page(numbers))
        print(f"written: {target.name}")


if __name__ == "__main__":
    main()

"""What does not work: sentences that the numbers of a run must bear out, or they are not printed."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

from bench.methods_facts import Facts
from bench.methods_tables import digits


def findings(numbers: dict[str, Any]) -> str:
    """The section; a sentence stands only where its numbers say so."""
    f = Facts(numbers)
    said = [*_reading(f), *_moving(f), *_conditioning(f), *_leading(f)]
    return "## What does not work\n\n" + "\n".join(f"- {one}" for one in said)


def _reading(f: Facts) -> Iterator[str]:
    many, noise = f.many, f.noise
    svm, ridge = (f.typical("z", solver, many, noise=noise) for solver in ("svm", "ridge"))
    if svm < ridge - 0.02:
        wide = f.typical("z", "svm", many, noise=noise, ratio=f.wide)
        yield (
            f"**The SVM on the extremes wastes noisy scores.** In z, {many:,} codes, noise {noise:g} σ: "
            f"{digits(svm, 3)} (median over factors) where ridge has {digits(ridge, 3)}; ridge is at "
            f"{digits(f.typical('z', 'ridge', f.few, noise=noise), 3)} from {f.few:,}. A share of {f.wide:g} per "
            f"class instead of {f.narrow:g} gives the SVM {digits(wide, 3)}."
        )
    plain, twin = f.typical("z", "svm", many), f.typical("z", "svm", many, world="simulated")
    if plain < twin - 0.004:
        yield (
            f"**The SVM minds which error it meets.** In z, {many:,} codes, no noise: {digits(plain, 3)} (median over "
            f"factors), {digits(twin, 3)} in the simulated world. What z does not read of a factor comes from the "
            "length of z, which multiplies the factor and so is largest at the extremes; the simulation adds "
            "the same variance to all codes alike. Nothing else differs between the two."
        )
    name, value = f.lowest("w", "svm", many)
    in_z = f.per_factor("z", "svm", many)[name]
    if value < in_z - 0.03:
        few = f.per_factor("w", "svm", f.few)[name]
        twin = f.per_factor("w", "svm", many, world="simulated")[name]
        white, white_twin = (
            f.n["whitened svm"][world][f.n["names"].index(name)]
            for world in ("measured", "simulated")
        )
        yield (
            f"**The SVM in w does not find every filter.** {name} stays at {digits(value, 3)} with {many:,} codes "
            f"({digits(few, 3)} with {f.few:,}; {digits(in_z, 3)} in z). In the simulated world, where it has "
            f"{digits(twin, 3)}, that comes of measuring the margin in plain length: fitted on whitened codes it has "
            f"{digits(white_twin, 3)}. Whitening the real w gives {digits(white, 3)}, so there is more to it than the "
            "covariance. Ridge does not mind."
        )
    name, value = f.lowest("w", "mean", many)
    if value < 0.9:
        yield (
            f"**The difference of class means is no filter in w**: {name} {digits(value, 3)} at {many:,} codes. "
            "Reading with it and moving along it are two things (below)."
        )
    gap, where = f.gaps()[0]
    if abs(gap) > 0.05 and where.startswith("w, mean, as pattern"):
        narrow, wide = (
            f.typical("w", "mean as pattern", many, ratio=ratio) for ratio in (f.narrow, f.wide)
        )
        yield (
            f"**Where the linear-Gaussian calculation fails most** (measured, and expected): {where}. Codes in w are "
            "no Gaussian cloud; the mean code of the extreme scores does not lie on the line S n, and the metric "
            f"of the inverse covariance magnifies what leaves it. At {many:,} codes the median over factors is "
            f"{digits(narrow, 3)} with a share of {f.narrow:g} per class, {digits(wide, 3)} with {f.wide:g}."
        )
    lost = {solver: f.picture_gap(solver) for solver in ("svm", "mean")}
    name, truth, seen = lost["svm"]
    if truth - seen > 0.03 and lost["mean"][0] == name:
        shared = dict(zip(f.n["names"], f.n["from pictures"]["shared extremes"], strict=True))
        others = statistics.median(v for k, v in shared.items() if k != name)
        yield (
            f"**The extremes of a yes-or-no attribute are badly ranked.** A picture shows {name} or does not; of "
            f"the {100 * f.narrow:g} % highest and lowest scores from pictures {100 * shared[name]:.0f} % are so in "
            f"truth ({100 * others:.0f} % for the median other factor). In z, {many:,} codes, the SVM then finds it at "
            f"{digits(seen, 3)} instead of {digits(truth, 3)}, the mean at {digits(lost['mean'][2], 3)} instead of "
            f"{digits(lost['mean'][1], 3)}. Ridge, which looks at all scores, hardly notices."
        )


def _moving(f: Facts) -> Iterator[str]:
    count = len(f.n["names"])
    reached = f.reached("w, ridge")
    length = statistics.median(f.kinds["w, ridge"]["step"])
    if reached < count:
        missed = [
            row
            for row, sides in zip(
                f.kinds["w, ridge"]["rows"], f.kinds["w, ridge"]["sides"], strict=True
            )
            if not sides
        ]
        yield (
            f"**A good filter is a bad step in w.** Filters of ridge agree with the truth best and move worst: "
            f"{', '.join(missed)} never change by {f.n['change']:g} σ within alpha "
            f"{max(f.n['sizes']['alphas']):g}. The step of a filter is {digits(length, 1)} standard deviations of the "
            "codes long (median): it leaves the codes that the generator was trained on. Move along the pattern."
        )
    row, other, change = f.worst_leak("w, svm")
    svm_length = statistics.median(f.kinds["w, svm"]["step"])
    if abs(change) > 0.5 and svm_length < length:
        yield (
            f"**The SVM's normal in w is a compromise**: shorter steps than a filter of ridge "
            f"({digits(svm_length, 1)} against {digits(length, 1)}, median) and less leak, but the one of {row} "
            f"changes {other} by {digits(change)} σ."
        )
    row, other, change = f.worst_leak("w, pattern of ridge")
    if abs(change) > 0.5:
        names = f.n["names"]
        one = f.kinds["w, pattern of ridge"]
        linear = one["linear"][one["rows"].index(row)][names.index(other)]
        yield (
            f"**A straight line in w is not the way of a code.** Along the pattern of {row}, {other} changes by "
            f"{digits(change)} σ where the linear readouts expect {digits(linear)} σ: the pattern is the mean of the "
            "steps that codes take when z moves, and each code's own step points elsewhere (moved in z, "
            f"{other} changes by {digits(f.along('z, ridge', row, other))} σ)."
        )


def _conditioning(f: Facts) -> Iterator[str]:
    z, z_before = (
        f.conditioned("eyeglasses", f"z: {way}", "at") for way in ("filter, conditioned", "filter")
    )
    plain = f.conditioned("eyeglasses", "w: pattern, conditioned", "at")
    plain_linear = f.conditioned("eyeglasses", "w: pattern, conditioned", "linear")
    read = "w: pattern of the filter conditioned in the covariance metric"
    whole = f.conditioned("eyeglasses", read, "at")
    if plain is not None and whole is not None and abs(plain) > abs(whole) + 0.1:
        yield (
            f"**Conditioning a pattern on a filter, plainly, does not hold in w.** Eyeglasses along their pattern, "
            f"made orthogonal to the filter of age: age should change by {digits(plain_linear)} σ and changes by "
            f"{digits(plain)} σ. The pattern of the filter that was conditioned in the covariance metric leaves "
            f"{digits(whole)} σ; in z, conditioning leaves {digits(z)} σ of {digits(z_before)} σ."
        )
    way = "w: filter, conditioned in the covariance metric"
    linear = f.conditioned("eyeglasses", way, "linear")
    if linear is not None and abs(linear) > 1:
        yield (
            '**`orthogonal_to(metric="covariance")` makes readings uncorrelated, not steps harmless.** Moved along '
            f"as it is, that filter of eyeglasses would change age by {digits(linear)} σ in the linear readout, per "
            "σ of its own. It is for reading, and for its pattern."
        )
    sides = [f.conditioned("age", f"w: {w}", "sides") for w in ("filter", "filter, conditioned")]
    if not any(sides):
        yield (
            "**Conditioning cannot mend a filter that does not move**: age along its filter in w changes by less "
            f"than {f.n['change']:g} σ at every alpha, conditioned or not."
        )


def _leading(f: Facts) -> Iterator[str]:
    tables = {one["said"]: one for one in f.n["leading"]}
    sefa, pca = tables["SeFa"], tables["GANSpace"]
    idle = {
        name: max(abs(v) for v in values)
        for name, values in zip(sefa["rows"], sefa["slope"], strict=True)
    }
    name = min(idle, key=lambda k: idle[k])
    if idle[name] < 0.1:
        yield (
            f"**SeFa ranks by the weights, not by what codes do.** {name} moves no factor by more than "
            f"{digits(idle[name])} σ per alpha. Steps of {digits(min(sefa['step']), 1)} to "
            f"{digits(max(sefa['step']), 1)} standard deviations leave the codes of this generator."
        )
    for said, one in (("SeFa", sefa), ("GANSpace", pca)):
        mixed = []
        for row, values in zip(one["rows"], one["slope"], strict=True):
            first, second = sorted((abs(v) for v in values), reverse=True)[:2]
            if second > first / 2:
                mixed.append(row)
        if mixed:
            yield (
                f"**{said} mixes factors**: in {', '.join(mixed)} a second factor moves more than half as much as "
                "the first."
            )

"""`steerx demo`: the three methods on the built-in faces, and a page that shows what they found."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import jobs
from .dry_run import Cost, tell
from .failures import IO, Failure
from .opening import open_generator
from .options import Device, DryRun, Force, JobFile
from .progress import progress, rendering
from .scores import of_pictures
from .writing import claim, stems, write

if TYPE_CHECKING:
    from ..directions import Directions
    from ..generators import Generator
    from ..reporting import Section

SEEDS = (23, 5, 14, 8)  # faces that differ, none of them with dark eyeglasses
ALPHAS = (-3.0, -1.5, 0.0, 1.5, 3.0)
SHOWN = ("smile", "age", "pose", "eyeglasses")
ENTANGLED = ("age", "eyeglasses")  # most old faces of this world wear them
K = 5
SAMPLES = 2000
CODES = 100_000
RATIO = 0.1
PSI = 0.7
_OWN = re.compile(
    r"index\.html|job\.yaml|(strip|grid)\.png|moving\.webp|\.steerx-[0-9a-f]+\.tmp"
    r"|(sefa|ganspace|interfacegan|conditions)(_.+\.png|\.safetensors)"
)


@dataclass(frozen=True)
class _Found:
    """What one method found, and what the page says about it."""

    title: str
    text: str
    file: str
    directions: Directions


def demo(
    out: Annotated[Path, typer.Option("--out", "--outdir", "-o", help="Folder.")] = Path(
        "out/demo"
    ),
    device: Device = "auto",
    force: Force = False,
    dry_run: DryRun = False,
    job: JobFile = None,
    network: Annotated[str, typer.Option("--network", hidden=True)] = "faces",
) -> None:
    """Mine directions by all three methods on the built-in faces, and show them on one page."""
    _own(out, force=force)
    claim([out / "index.html"], force=True)
    G = open_generator(network, device=device, dtype="float32")
    if dry_run:
        tell(_cost(), out)
        return
    jobs.record(out, force=True, model=G.model_id)
    typer.echo(f"{network}: {G.resolution} px, model {G.model_id[:12]}")

    from .._pictures import encode
    from ..reporting import Section, report
    from ..sweeping import sweep
    from . import demo_pictures as show

    sections: list[Section] = []
    found = _mine(G)
    named, apart = found[0].directions, found[1].directions
    for one in found:
        one.directions.save(out / one.file, overwrite=True)
        grid = sweep(G, directions=one.directions, alphas=ALPHAS, seeds=SEEDS, psi=PSI)
        with rendering(G, f"rendering {one.title}", grid.renders):
            _ = grid.images
        sections.append(Section(one.title, grid, one.text))
        stem = Path(one.file).stem
        for name, picture in zip(stems(grid.directions), show.strips(grid), strict=True):
            write(out / f"{stem}_{name}.png", encode(picture, ".png"), force=True)
        typer.echo(f"{one.title:<28}{len(one.directions):>3} directions in {out / one.file}")
    shown = named[list(SHOWN)]
    strip = encode(show.strip(G, shown, SEEDS[:3], psi=PSI), ".png")
    parts = [named[["smile", "pose"]], apart]
    moving = encode(show.moving(G, parts, SEEDS, psi=PSI), ".webp", duration=show.FRAME)
    write(out / "strip.png", strip, force=True)
    write(out / "moving.webp", moving, force=True)
    write(out / "grid.png", encode(sections[0].sweep.grid(scale=2), ".png"), force=True)
    report(
        sections,
        out / "index.html",
        title="Three ways to steer one generator",
        lead="Drawn faces from the network inside steerx, moved along directions that SeFa, GANSpace "
        "and InterFaceGAN found in it.",
        command=f"steerx demo --out {out}",
        figures=show.figures(strip, moving),
        overwrite=True,
    )
    typer.echo(f"=> open {out / 'index.html'}")


def _mine(G: Generator) -> list[_Found]:
    """All three methods; the named directions first."""
    from ..directions import Directions, GANSpace, InterFaceGAN, SeFa
    from .demo_pictures import closest

    seeds = list(range(SAMPLES))
    scores = of_pictures(G, seeds, psi=1.0, label=None)
    w = G.codes(seeds=seeds, space="w")
    assert not isinstance(w, list)
    boundaries = InterFaceGAN(RATIO, solver="mean", names=scores.names).fit(w, scores.values, G)
    with progress("reading codes", CODES) as watch:
        components = GANSpace(k=K, n=CODES).fit(G, watch=watch)
    factors = SeFa(k=K).fit(G)
    spread = components.covariance_
    named = boundaries.directions_.in_sigma(spread)
    # The boundary of an attribute is what reads it: a step orthogonal to it leaves its score alone.
    both = scores.only(",".join(ENTANGLED))
    reading = InterFaceGAN(RATIO, names=both.names).fit(w, both.values, G).directions_
    apart = [
        named[one].orthogonal_to(reading[other]).rename(f"{one} without {other}")
        for one, other in (ENTANGLED, ENTANGLED[::-1])
    ]
    return [
        _Found(
            "InterFaceGAN",
            f"A scorer looks at {SAMPLES} pictures; the step goes from the mean code of the {RATIO:.0%} "
            "with the least of an attribute to the mean code of those with the most. Alpha counts standard deviations "
            "of w along it. Most old faces of this world wear eyeglasses, so age brings them along.",
            "interfacegan.safetensors",
            named,
        ),
        _Found(
            "InterFaceGAN with conditions",
            "Age orthogonal to the boundary of eyeglasses, and eyeglasses orthogonal to that of age: "
            "each leaves the score of the other alone.",
            "conditions.safetensors",
            Directions.concatenate(apart).in_sigma(spread),
        ),
        _Found(
            "GANSpace",
            "Principal components of w: how the codes vary most. Alpha counts standard deviations. "
            + closest(components.directions_, named),
            "ganspace.safetensors",
            components.directions_,
        ),
        _Found(
            "SeFa",
            "Eigenvectors of the style weights: what changes the styles most, found without "
            "rendering a picture. Alpha counts standard deviations of w along them. "
            + closest(factors.directions_, named),
            "sefa.safetensors",
            factors.directions_.in_sigma(spread),
        ),
    ]


def _cost() -> Cost:
    """What the demo writes; its pictures are small whatever the network."""
    from ..faces.truth import FACTORS

    found = len(FACTORS) + len(ENTANGLED) + 2 * K
    pictures = SAMPLES + len(SEEDS) * found * len(ALPHAS)
    return Cost(found + 9, found * 350_000, pictures)  # a file per method, and five on all of them


def _own(out: Path, *, force: bool) -> None:
    """Refuse a folder that holds something which demo did not write."""
    foreign = (
        sorted(p.name for p in out.iterdir() if not _OWN.fullmatch(p.name)) if out.is_dir() else []
    )
    if foreign and not force:
        raise Failure(
            f"{out} holds {foreign[0]}, which demo did not write; give another --out, or --force",
            IO,
        )

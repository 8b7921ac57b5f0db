"""`steerx mine`: find directions, one command per method."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from .boundaries import interfacegan
from .dry_run import Cost, measured, tell
from .failures import USAGE, Failure, argument
from .found import claimed, save, show, size
from .opening import check_codes, open_generator
from .options import (
    Class,
    Count,
    Device,
    Draw,
    DryRun,
    Force,
    JobFile,
    Layers,
    Network,
    Output,
    named,
    rows_of,
)
from .progress import mapping

app = typer.Typer(help="Find directions: sefa, ganspace or interfacegan.", no_args_is_help=False)
app.command("interfacegan")(interfacegan)


class ToRGBName(StrEnum):
    """Which to_rgb layers SeFa reads."""

    last = "last"
    none = "none"
    first = "first"
    all = "all"


class SeFaProgram(StrEnum):
    """Published programs whose results can be had again."""

    sefa = "sefa"
    rosinality = "rosinality"
    e4e = "e4e"


@app.command("sefa")
def sefa(
    network: Network = None,
    k: Count = 5,
    layers: Layers = "all",
    per_layer: Annotated[bool, typer.Option("--per-layer", help="k directions per layer.")] = False,
    groups: Annotated[
        list[str] | None,
        typer.Option("--group", help="k directions for these layers; give it again for others."),
    ] = None,
    to_rgb: Annotated[
        ToRGBName | None,
        typer.Option("--to-rgb", help="Which to_rgb count.", show_default="last"),
    ] = None,
    normalize: Annotated[
        bool | None,
        typer.Option(
            "--normalize/--no-normalize", help="Weigh all channels alike.", show_default="yes"
        ),
    ] = None,
    compat: Annotated[
        SeFaProgram | None, typer.Option("--compat", help="Do as this published program does.")
    ] = None,
    output: Output = None,
    force: Force = False,
    dry_run: DryRun = False,
    job: JobFile = None,
) -> None:
    """SeFa: eigenvectors of the style weights; no picture is rendered."""
    network = named(network)
    file = claimed(output, "sefa", force)
    G = open_generator(network, device="cpu", dtype="float32")
    if "w_plus" in G.spaces:
        for option, text in (("--layers", layers), *(("--group", one) for one in groups or ())):
            rows_of(text, G.num_ws, option=option)

    from ..directions import SeFa

    method = SeFa(
        layers=layers,
        k=k,
        normalize=normalize,
        to_rgb=None if to_rgb is None else to_rgb.value,
        per_layer=per_layer,
        groups=groups or None,
        compat=None if compat is None else compat.value,
    )
    with argument("mine sefa"):
        found = method.fit(G).directions_
    if dry_run:
        tell(Cost(2, size(len(found), found.vectors.shape[-1], covariance=False)), file)
        return
    save(found, file, force=force, model=G.model_id)
    show(found)


@app.command("ganspace")
def ganspace(
    network: Network = None,
    k: Count = 10,
    n: Annotated[int, typer.Option("-n", help="How many codes are drawn.", min=2)] = 100_000,
    layers: Layers = "all",
    seed: Draw = 0,
    label: Class = None,
    batch: Annotated[int, typer.Option("--batch", help="Codes mapped at once.", min=1)] = 10_000,
    output: Output = None,
    device: Device = "auto",
    force: Force = False,
    dry_run: DryRun = False,
    job: JobFile = None,
) -> None:
    """GANSpace: principal components of w; alpha = 1 is one standard deviation."""
    network = named(network)
    if n <= k:
        raise Failure(f"-k {k}: as many components need more codes than -n {n}", USAGE)
    file = claimed(output, "ganspace", force)
    G = open_generator(network, device=device, dtype="float32")
    check_codes(G, label)
    rows_of(layers, G.num_ws)
    if k > G.w_dim:
        raise Failure(f"-k must be 1 to {G.w_dim}, the size of w, got {k}", USAGE)

    from ..directions import GANSpace

    method = GANSpace(k=k, n=n, layers=layers, seed=seed, batch=batch)
    if dry_run:
        few = GANSpace(k=k, n=min(n, max(k + 1, batch)), layers=layers, seed=seed, batch=batch)
        with argument("mine ganspace"):
            took = measured(lambda: few.fit(G, label=label)) / few.n
        tell(Cost(2, size(k, G.w_dim, covariance=True), seconds=took * n), file)
        return
    with argument("mine ganspace"), mapping(G, "mapping codes", n):
        method.fit(G, label=label)
    save(method.directions_, file, force=force, model=G.model_id)
    show(method.directions_)

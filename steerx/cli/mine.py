"""`steerx mine`: find directions, one command per method."""

from __future__ import annotations

import contextlib
from enum import StrEnum
from typing import Annotated

import typer

from .boundaries import interfacegan
from .crews import Processes, Ray, check_ray, devices_of
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
    Renderer,
    RendererName,
    named,
    rows_of,
)
from .progress import progress

_PROBED = 64  # samples of a layer that a dry run takes

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


class Estimators(StrEnum):
    """How GANSpace finds components."""

    pca = "pca"
    ipca = "ipca"
    ica = "ica"
    spca = "spca"


class GANSpaceProgram(StrEnum):
    """The published program."""

    ganspace = "ganspace"


class LatentName(StrEnum):
    """Latents that components of a layer are carried to."""

    w = "w"
    z = "z"


@app.command("ganspace")
def ganspace(
    network: Network = None,
    k: Count = 10,
    n: Annotated[int, typer.Option("-n", help="How many codes are drawn.", min=2)] = 100_000,
    layer: Annotated[
        str | None,
        typer.Option("--layer", help="Read a layer: act:3 or a module.", show_default="w itself"),
    ] = None,
    estimator: Annotated[
        Estimators, typer.Option("--estimator", help="Principal, independent, sparse components.")
    ] = Estimators.pca,
    space: Annotated[
        LatentName, typer.Option("--space", help="Latent that the directions move.")
    ] = LatentName.w,
    layers: Layers = "all",
    centred: Annotated[
        bool, typer.Option("--centred", help="Alpha sets the coordinate, from the mean.")
    ] = False,
    compat: Annotated[
        GANSpaceProgram | None,
        typer.Option("--compat", help="Do as this published program does."),
    ] = None,
    seed: Draw = 0,
    label: Class = None,
    batch: Annotated[int, typer.Option("--batch", help="Codes mapped at once.", min=1)] = 10_000,
    output: Output = None,
    device: Device = "auto",
    renderer: Renderer = RendererName.auto,
    processes: Processes = None,
    ray: Ray = None,
    force: Force = False,
    dry_run: DryRun = False,
    job: JobFile = None,
) -> None:
    """GANSpace: components of w, or of a layer; alpha = 1 is one standard deviation."""
    network = named(network)
    check_ray(ray, processes)
    if n <= k:
        raise Failure(f"-k {k}: as many components need more codes than -n {n}", USAGE)
    file = claimed(output, "ganspace", force)
    G = open_generator(network, device=device, dtype="float32", renderer=renderer)
    check_codes(G, label)
    if "w_plus" in G.spaces:
        rows_of(layers, G.num_ws)
    if layer is None and G.w_dim and k > G.w_dim:
        raise Failure(f"-k must be 1 to {G.w_dim}, the size of w, got {k}", USAGE)

    from .._seeds import z_from_seeds
    from ..directions import GANSpace
    from ..working import Crew, one_thread

    def method(n: int) -> GANSpace:
        return GANSpace(
            k=k,
            n=n,
            space=space.value,
            layer=layer,
            estimator=estimator.value,
            layers=layers,
            centred=centred,
            compat=None if compat is None else "ganspace",
            seed=seed,
            batch=batch,
        )

    principal = estimator is Estimators.pca and compat is None
    runs = n if principal else 2 * n  # the spread of the others is another reading
    if layer is not None:
        with argument("mine ganspace"):
            read, runs = method(n).layer_runs(G, label=label)
    if dry_run:
        with argument("mine ganspace"), one_thread() if processes else contextlib.nullcontext():
            if layer is not None:
                z = z_from_seeds(range(min(_PROBED, read.batch)), G.z_dim)
                took = measured(lambda: read.rows(z)) / len(z) * runs
            else:
                few = method(min(n, max(k + 1, batch)))
                took = measured(lambda: few.fit(G, label=label)) / few.n * n
        length = G.w_dim if space is LatentName.w else G.z_dim
        cost = Cost(2, size(k, length, covariance=True), seconds=took / (processes or 1))
        tell(cost, file)
        return
    crew = None
    if processes is not None:  # one, too: the bits are those of any number
        crew = Crew(network, devices_of(G, device, processes, ray), ray=ray)
    with argument("mine ganspace"), progress("reading codes", runs) as watch:
        found = method(n).fit(G, label=label, crew=crew, watch=watch).directions_
    save(found, file, force=force, model=G.model_id)
    show(found)

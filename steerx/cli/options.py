"""Arguments and options that several commands share, each written once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .failures import USAGE, Failure, argument

_NETWORK_HELP = 'Checkpoint (.pkl, .pt, .pth, .safetensors), or "faces", which is built in.'

Network = Annotated[str | None, typer.Argument(help=_NETWORK_HELP, show_default=False)]
NetworkOption = Annotated[str | None, typer.Option("--network", hidden=True)]
Seeds = Annotated[str, typer.Option("--seeds", "--seed", help="Seeds such as 0,1,4-6.")]
Trunc = Annotated[float, typer.Option("--trunc", help="Truncation psi; 1 is off.")]
Cutoff = Annotated[
    int | None, typer.Option("--cutoff", help="Truncate only w slots below it.", min=0)
]
Class = Annotated[
    int | None, typer.Option("--class", help="Class, for a conditional network.", min=0)
]
Layers = Annotated[str, typer.Option("--layers", help="Layers such as 0-6,9, or all.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")]
Outdir = Annotated[Path, typer.Option("--outdir", "-o", help="Folder for the pictures.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="File for the directions.", show_default="METHOD.safetensors"
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace files that exist.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
Scale = Annotated[int, typer.Option("--scale", help="Magnify grids and strips.", min=1, max=16)]


class DtypeName(StrEnum):
    """Dtype of activations."""

    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"
    float64 = "float64"


class NoiseName(StrEnum):
    """Per-layer noise."""

    const = "const"
    random = "random"
    none = "none"


Dtype = Annotated[DtypeName, typer.Option("--dtype", help="Dtype of activations.")]
NoiseMode = Annotated[NoiseName, typer.Option("--noise-mode", help="Per-layer noise.")]


def named(network: str | None, option: str | None) -> str:
    """The network, given in its place or as --network."""
    chosen = option if network is None else network
    if chosen is None or (option is not None and network is not None):
        raise Failure('give one NETWORK: a checkpoint file, or "faces"', USAGE)
    return chosen


def seeds_of(text: str) -> list[int]:
    """Seeds of text such as 0,1,4-6, each once and in range."""
    from .._seeds import parse_seeds, z_from_seeds

    with argument("--seeds"):
        seeds = list(dict.fromkeys(parse_seeds(text)))
        z_from_seeds([max(seeds)], 1)  # refuses what is out of range
    return seeds


def rows_of(text: str, num_ws: int) -> tuple[int, ...]:
    """Rows of w_plus of a layer string."""
    from .._layers import parse_layers

    try:
        return parse_layers(text, num_ws)
    except ValueError as error:  # its own words open with a call in Python
        raise Failure(f"--layers {text}: {str(error).split('): ', 1)[-1]}", USAGE) from error

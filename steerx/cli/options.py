"""Arguments and options that several commands share, each written once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from . import jobs
from .failures import USAGE, Failure, argument

_NETWORK_HELP = 'Checkpoint (.pkl, .pt, .pth, .safetensors), or "faces", which is built in.'

Network = Annotated[str | None, typer.Argument(help=_NETWORK_HELP, show_default=False)]
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
        "--output",
        "-o",
        help="File for the directions, or a folder for it.",
        show_default="METHOD.safetensors",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace files that exist.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
JobFile = Annotated[
    Path | None,
    typer.Option(
        "--job",
        help="Repeat a job.yaml; other options win over it.",
        callback=jobs.replay,
        is_eager=True,
        show_default=False,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what it would do; write nothing.")]
Batch = Annotated[
    int | None,
    typer.Option("--batch", help="Pictures rendered at once.", min=1, show_default="by resolution"),
]
Count = Annotated[int, typer.Option("-k", help="How many directions.", min=1)]
Draw = Annotated[int, typer.Option("--seed", help="Of the random draw.", min=0)]
Num = Annotated[int | None, typer.Option("--num", hidden=True, min=1)]  # seeds 0 ... num-1
Codes = Annotated[
    Path | None,
    typer.Option(
        "--codes",
        help="Codes to start from instead of seeds: .npy, .npz or .safetensors.",
        show_default=False,
    ),
]
Scale = Annotated[int, typer.Option("--scale", help="Magnify grids and strips.", min=1, max=16)]


Translate = Annotated[
    str | None,
    typer.Option(
        "--translate",
        help="StyleGAN3: shift pictures by X,Y (right, down), in sides of the picture.",
        show_default=False,
    ),
]
Rotate = Annotated[
    float | None,
    typer.Option(
        "--rotate",
        help="StyleGAN3: turn pictures by so many degrees, counter-clockwise.",
        show_default=False,
    ),
]


class DtypeName(StrEnum):
    """Dtype of activations."""

    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"
    float64 = "float64"


class RendererName(StrEnum):
    """What makes the pictures."""

    auto = "auto"
    plain = "plain"
    native = "native"
    fused = "fused"


class NoiseName(StrEnum):
    """Per-layer noise."""

    const = "const"
    random = "random"
    none = "none"
    sample = "sample"


class SpaceName(StrEnum):
    """Where codes or a direction live."""

    z = "z"
    w = "w"
    w_plus = "w_plus"


class MotionName(StrEnum):
    """What alpha means."""

    relative = "relative"
    absolute = "absolute"


class UnitName(StrEnum):
    """What alpha counts."""

    raw = "raw"
    sigma = "sigma"


Motion = Annotated[
    MotionName | None,
    typer.Option(
        "--motion",
        help="Add alpha, or move to it (absolute: InterFaceGAN's rule for z and w).",
        show_default="each direction's",
    ),
]
Unit = Annotated[
    UnitName | None,
    typer.Option(
        "--unit",
        help="What alpha counts: lengths (raw), or standard deviations of codes along a direction.",
        show_default="each direction's",
    ),
]
Space = Annotated[
    SpaceName | None,
    typer.Option("--space", help="Where codes live, if their form does not say."),
]
Dtype = Annotated[DtypeName, typer.Option("--dtype", help="Dtype of activations.")]
Preview = Annotated[
    int | None,
    typer.Option(
        "--preview",
        help="StyleGAN2: end at this many pixels a side, with the picture so far: quick and rough.",
        show_default=False,
    ),
]
Renderer = Annotated[
    RendererName,
    typer.Option(
        "--renderer",
        help="plain: PyTorch alone; native: our CPU kernels; fused: for CUDA, never yet run on one. "
        "auto: native where it serves, else plain; the job says which.",
    ),
]
NoiseMode = Annotated[NoiseName, typer.Option("--noise-mode", help="Per-layer noise.")]


def named(network: str | None) -> str:
    """The network, which must be given."""
    if network is None:
        raise Failure('give one NETWORK: a checkpoint file, or "faces"', USAGE)
    return network


def seeds_of(text: str, num: int | None = None) -> list[int]:
    """Seeds of text such as 0,1,4-6, each once and in range; 0 ... num-1 where a number is given."""
    from .._seeds import parse_seeds, z_from_seeds

    if num is not None:
        return list(range(num))
    with argument("--seeds"):
        seeds = list(dict.fromkeys(parse_seeds(text)))
        z_from_seeds([max(seeds)], 1)  # refuses what is out of range
    return seeds


def seeds_unless(codes: Path | None, text: str) -> list[int] | None:
    """The seeds that a command starts from, or None where it starts from codes.

    Raises:
        Failure: both are on the command line, or seeds that are none.
    """
    if codes is None:
        return seeds_of(text)
    if jobs.typed("seeds"):
        raise Failure("give --seeds or --codes, one of them", USAGE)
    return None


def rows_of(text: str, num_ws: int, *, option: str = "--layers") -> tuple[int, ...]:
    """Rows of w_plus of a layer string."""
    from .._layers import parse_layers

    try:
        return parse_layers(text, num_ws)
    except ValueError as error:  # its own words open with a call in Python
        raise Failure(f"{option} {text}: {str(error).split('): ', 1)[-1]}", USAGE) from error

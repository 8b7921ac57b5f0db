"""Who works beside this process: the options of `augment run` and `score`, and what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .failures import USAGE, Failure

if TYPE_CHECKING:
    from ..generators import Generator
    from ..working import Crew

Processes = Annotated[
    int | None,
    typer.Option(
        "--processes",
        help="How many work on this machine, each on one thread or GPU.",
        min=1,
        show_default="this one, on all its threads",
    ),
]
Ray = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="Work by --processes actors on the Ray cluster at HOST:PORT, or auto.",
        show_default=False,
    ),
]


def check_ray(ray: str | None, processes: int | None) -> None:
    """Refuse a cluster without a number of actors.

    Raises:
        Failure: it is missing.
    """
    if ray is not None and processes is None:
        raise Failure("give --processes N beside --ray: how many actors work", USAGE)


def places_of(G: Generator, device: str) -> list[str]:
    """Devices of this machine that workers may have: where the generator is, or all GPUs."""
    import torch

    if G.device.type == "cuda" and device in ("auto", "cuda"):
        return [f"cuda:{n}" for n in range(torch.cuda.device_count())]
    return [str(G.device)]


def devices_of(G: Generator, device: str, processes: int, ray: str | None) -> tuple[str, ...]:
    """A device for each worker; on a cluster any of the kind."""
    places = [G.device.type] if ray is not None else places_of(G, device)
    return tuple(places[n % len(places)] for n in range(processes))


def crew_of(
    G: Generator, network: str, processes: int | None, ray: str | None, *, device: str, dtype: str
) -> Crew | None:
    """The crew that the options mean; None where this process works alone."""
    if ray is None and (processes or 1) == 1:
        return None
    from ..working import Crew

    return Crew(network, devices_of(G, device, processes or 1, ray), dtype, ray=ray)

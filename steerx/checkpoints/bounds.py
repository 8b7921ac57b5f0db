"""Bounds of every config: absurd numbers are refused before anything is built of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from steerx.checkpoints.errors import CheckpointError, Kind, shown

MAX_DIM = 8192  # z, w, c, embedding and channels
MAX_MAPPING_LAYERS = 32
MAX_RESOLUTION = 2048
MAX_IMG_CHANNELS = 8
MAX_FILTER_TAPS = 32
MAX_PARAMETERS = 4_000_000_000
_MAX_TABLE = 16  # resolutions of a table


def bad(what: str) -> CheckpointError:
    """The error of a config outside its bounds."""
    return CheckpointError(Kind.BAD_STRUCTURE, what)


def check_int(name: str, value: object, low: int, high: int) -> None:
    """Refuse what is not a whole number from low to high."""
    if type(value) is not int:
        raise bad(f"{name} must be a whole number, got {type(value).__name__}")
    if not low <= value <= high:
        said = str(value) if abs(value) < 1 << 63 else shown(hex(value), limit=40)
        raise bad(f"{name} must be {low} to {high}, got {said}")


def check_z_dim(value: object) -> None:
    """Refuse a network without a z by its own name, and absurd widths."""
    if type(value) is int and value == 0:
        raise bad("z_dim = 0: a network of labels alone; steerx steers those with a z")
    check_int("z_dim", value, 1, MAX_DIM)


def check_resolution(value: object) -> None:
    """Refuse what is not a power of two from 4."""
    check_int("resolution", value, 4, MAX_RESOLUTION)
    assert isinstance(value, int)
    if value & (value - 1):
        raise bad(f"resolution must be a power of two, got {value}")


def check_channels(channels: Mapping[int, int], resolutions: tuple[int, ...]) -> None:
    """Refuse a table of channels that is not one of these resolutions."""
    if tuple(sorted(channels)) != resolutions:
        raise bad(
            f"channels must name the resolutions {list(resolutions)}, got {sorted(channels)[:16]}"
        )
    for resolution, count in channels.items():
        check_int(f"channels[{resolution}]", count, 1, MAX_DIM)


def check_filter_shape(shape: tuple[int, ...]) -> None:
    """Refuse a filter that has not (rows, columns) of some taps."""
    for taps in shape:
        check_int("filter_shape", taps, 1, MAX_FILTER_TAPS)
    if len(shape) != 2:
        raise bad(f"filter_shape must be (rows, columns), got {shape}")


def check_parameters(shapes: Iterable[tuple[int, ...]]) -> None:
    """Refuse more numbers than any network of these families has."""
    parameters = sum(math.prod(shape) for shape in shapes)
    if parameters > MAX_PARAMETERS:
        raise bad(f"{parameters} parameters are more than {MAX_PARAMETERS}")


def resolutions_to(resolution: int) -> tuple[int, ...]:
    """4, 8, ..., `resolution`."""
    return tuple(1 << power for power in range(2, resolution.bit_length()))


def fields_of(data: object, names: set[str]) -> dict[str, object]:
    """The fields of a config's JSON object, which must be exactly these.

    Raises:
        CheckpointError: `bad-structure`.
    """
    if not isinstance(data, dict) or set(data) != names:
        raise bad(f"config must be an object with the fields {', '.join(sorted(names))}")
    return data


def channels_of(table: object) -> dict[int, int]:
    """The table of channels of a config's JSON object, by resolution."""
    if not isinstance(table, Mapping) or len(table) > _MAX_TABLE:
        raise bad("config channels must be a table of resolution and channels")
    return dict(sorted((_resolution_key(key), count) for key, count in table.items()))


def filter_shape_of(taps: object) -> tuple[int, int]:
    """The filter's shape of a config's JSON object."""
    if not isinstance(taps, list) or len(taps) != 2:
        raise bad("config filter_shape must be [rows, columns]")
    return taps[0], taps[1]


def _resolution_key(key: object) -> int:
    if not isinstance(key, str) or not (key.isascii() and key.isdecimal() and len(key) <= 4):
        raise bad("config channels must have resolutions as keys")
    return int(key)

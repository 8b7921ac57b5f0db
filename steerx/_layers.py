"""Layer strings: "0-6,9" <-> rows of w_plus.

Grammar: spaces are removed; then `all`, or a comma list of `i` or `a-b` (inclusive). Duplicates are
dropped, the result is sorted, and every index lies in 0 ... num_layers-1. An index is a row of
w_plus (a w slot), never the number of a convolution.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_ITEM = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")


def parse_layers(text: str, num_layers: int, *, caller: str = "parse_layers") -> tuple[int, ...]:
    """Turn a layer string into sorted, unique rows of w_plus.

    Args:
        text: "all", or a comma list of `i` or `a-b`, both ends included.
        num_layers: L, the number of w slots of the generator.
        caller: name that opens an error message, such as "SeFa".

    Returns:
        The rows, at least one.

    Raises:
        ValueError: the string is empty, reversed ("5-2"), not in the grammar, or out of range.

    Example:
        >>> parse_layers("0-3, 8", 18)
        (0, 1, 2, 3, 8)
    """
    last = num_layers - 1
    said = f'{caller}(layers="{text}")'
    remedy = f'use layers="{format_layers(range(num_layers))}" or "all"'
    bare = "".join(text.split())
    if bare == "all":
        return tuple(range(num_layers))
    if not bare:
        raise ValueError(f"{said}: no layer is named; {remedy}")
    rows: set[int] = set()
    for item in bare.split(","):
        match = _ITEM.fullmatch(item)
        if match is None:
            raise ValueError(
                f'{said}: "{item}" is neither an index such as 3 nor a range such as 0-6; {remedy}'
            )
        first = int(match[1])
        end = first if match[2] is None else int(match[2])
        if end < first:
            raise ValueError(f'{said}: the range "{item}" is reversed; use "{end}-{first}"')
        if end > last:
            raise ValueError(f"{said}: this generator has w slots 0-{last}; {remedy}")
        rows.update(range(first, end + 1))
    return tuple(sorted(rows))


def format_layers(layers: Iterable[int], num_layers: int | None = None) -> str:
    """Turn rows of w_plus into the shortest layer string ("all" only if `num_layers` is given).

    Example:
        >>> format_layers((0, 1, 2, 8))
        '0-2,8'
    """
    rows = sorted(set(layers))
    if num_layers is not None and rows == list(range(num_layers)):
        return "all"
    runs: list[list[int]] = []
    for row in rows:
        if runs and row == runs[-1][1] + 1:
            runs[-1][1] = row
        else:
            runs.append([row, row])
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)

"""Checks of the reader that no file reaches, or whose loss no file shows, each with the reason."""

from __future__ import annotations

_OTHERS = (
    "what it bounds is bounded before: by opcodes, by the header's length, or by another budget"
)

# Refusals that no file reaches.
UNREACHED = {
    'source.py: raise CheckpointError(Kind.TRUNCATED, "the data end here", self._origin)': (
        "a cursor compares every length with what is left before it asks a source for bytes"
    ),
}

# Checks whose loss no file shows.
SURVIVE: dict[str, str] = {}

"""Checks of the reader that no file reaches, or whose loss no file shows, each with the reason."""

from __future__ import annotations

# Refusals that no file reaches.
UNREACHED = {
    'bounds.py: raise bad(f"filter_shape must be (rows, columns), got {shape}")': (
        "files have two sizes where they are read; programs that make a config meet it, and a test does"
    ),
    'source.py: raise CheckpointError(Kind.TRUNCATED, "the data end here", self._origin)': (
        "a cursor compares every length with what is left before it asks a source for bytes"
    ),
}

# Checks whose loss no file shows.
_EITHER = "a read that is not whole goes on in read_into: one of the two checks is enough"
SURVIVE = {
    'budget.py: self.spend("storages", 1, offset=offset)': (
        "200,000 storages take more than the million opcodes, and each entry of a header 40 bytes"
    ),
    "source.py: self._check(start, length)": _EITHER,
    "source.py: self._check(start, len(buffer))": _EITHER,
}

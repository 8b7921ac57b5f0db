"""The version of this package."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as of_package


def version() -> str:
    """Version as installed, such as "0.1.0"."""
    try:
        return of_package("steerx")
    except PackageNotFoundError:  # a source tree that was never installed
        return "0+unknown"

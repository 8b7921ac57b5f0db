"""Code of the user's own by its name, imported because it was named: `module:name` or `path/to/file.py:name`."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from .scorers import Scorer, ScorerError


def scorer_at(name: str, device: torch.device) -> Scorer:
    """The scorer of `faces`, `module:name` or `path/to/file.py:name`; a class is called once, without arguments.

    Raises:
        ImportError, OSError, AttributeError: it is not there; and whatever its code raises.
    """
    if name == "faces":
        from ..faces import scorer

        return scorer().to(device)
    where, _, what = name.rpartition(":")
    found = getattr(module_at(where), what)
    scorer_found: Scorer = settled(found() if isinstance(found, type) else found, device)
    return scorer_found


def scorer_named(caller: str, name: str, device: torch.device) -> Scorer:
    """The same, for a caller whose errors must say what a name is.

    Raises:
        ScorerError: it is not there.
    """
    try:
        return scorer_at(name, device)
    except Exception as error:
        raise ScorerError(
            f"{caller}: there is no scorer {name!r} ({type(error).__name__}: {error}); name faces, "
            "module:function or path/to/file.py:function"
        ) from error


def module_at(where: str) -> ModuleType:
    """Import a module by its name or its file; what stands beside it can be imported too.

    Raises:
        ImportError, OSError: it is not there; and whatever its code raises.
    """
    file = Path(where)
    folder = file.resolve().parent if file.suffix == ".py" else Path.cwd()
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    if file.suffix != ".py":
        return importlib.import_module(where)
    spec = importlib.util.spec_from_file_location(f"steerx_scorer_{file.stem}", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickles look their module up
    spec.loader.exec_module(module)
    return module


def settled(found: Any, device: torch.device) -> Any:
    """The same; a torch module on a device, in evaluation mode."""
    if isinstance(found, torch.nn.Module):
        return found.to(device).requires_grad_(False).eval()
    return found


def from_anywhere(name: str) -> str:
    """A name as it holds in another folder too."""
    where, _, what = name.rpartition(":")
    return f"{Path(where).absolute()}:{what}" if where.endswith(".py") else name

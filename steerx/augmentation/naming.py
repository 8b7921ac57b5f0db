"""A scorer by its name, in a process that makes shards; whoever gave the name has checked it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import torch

from ..scoring import Scorer
from .errors import PlanError


def scorer_at(name: str, device: torch.device) -> Scorer:
    """The scorer of `faces`, `module:name` or `path/to/file.py:name`.

    Raises:
        PlanError: it is not there any more.
    """
    if name == "faces":
        from ..faces import scorer

        return scorer().to(device)
    where, _, what = name.rpartition(":")
    try:
        found = getattr(_module(where), what)
    except (ImportError, OSError, AttributeError) as error:
        raise PlanError(
            f"the scorer {name!r} is not there ({error}); give back what was there at the beginning"
        ) from error
    if isinstance(found, type):
        found = found()
    if isinstance(found, torch.nn.Module):
        found = found.to(device).requires_grad_(False).eval()
    scorer_found: Scorer = found
    return scorer_found


def _module(where: str) -> ModuleType:
    file = Path(where)
    folder = file.resolve().parent if file.suffix == ".py" else Path.cwd()
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    if file.suffix != ".py":
        return importlib.import_module(where)
    spec = importlib.util.spec_from_file_location(f"steerx_scorer_{file.stem}", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module

"""steerx: the engine for steering pretrained GANs.

Load a checkpoint (no code in the file runs), mine directions in its latent space, sweep edits, write
pictures. `docs/architecture.md` has the map. Public names are imported at first use, so that the
command line starts without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import faces, ops
    from .augmentation import augment
    from .checkpoints import CheckpointError
    from .directions import Directions, GANSpace, InterFaceGAN, SeFa, correlate
    from .editing import edit
    from .evaluation import effects
    from .generators import Generator, load
    from .interpolation import lerp, slerp
    from .projecting import project, tune
    from .scoring import Scores, score
    from .sweeping import sweep

_HOMES = {
    "CheckpointError": "checkpoints",
    "Directions": "directions",
    "GANSpace": "directions",
    "Generator": "generators",
    "InterFaceGAN": "directions",
    "Scores": "scoring",
    "SeFa": "directions",
    "augment": "augmentation",
    "correlate": "directions",
    "edit": "editing",
    "effects": "evaluation",
    "faces": "",
    "lerp": "interpolation",
    "load": "generators",
    "ops": "",
    "project": "projecting",
    "score": "scoring",
    "slerp": "interpolation",
    "sweep": "sweeping",
    "tune": "projecting",
}

__all__ = [
    "CheckpointError",
    "Directions",
    "GANSpace",
    "Generator",
    "InterFaceGAN",
    "Scores",
    "SeFa",
    "augment",
    "correlate",
    "edit",
    "effects",
    "faces",
    "lerp",
    "load",
    "ops",
    "project",
    "score",
    "slerp",
    "sweep",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from ._version import version

        return version()
    if name not in _HOMES:
        raise AttributeError(f"module 'steerx' has no attribute {name!r}")
    home = _HOMES[name]
    if not home:
        return importlib.import_module(f".{name}", __name__)
    value = getattr(importlib.import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

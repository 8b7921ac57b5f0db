"""Bulk jobs: a plan, its shards, their receipts, who makes them, and what others read."""

from .alphas import Fixed, Normal, Uniform
from .driving import Crew
from .errors import (
    AugmentError,
    DamageError,
    LockedError,
    PlanError,
    ShardError,
    Stopped,
    UnevenError,
    UnfinishedError,
)
from .exporting import export
from .folder import Folder
from .making import Made
from .plan import Plan
from .planning import make_plan
from .rendering import Pictures
from .running import augment, run

__all__ = [
    "AugmentError",
    "Crew",
    "DamageError",
    "Fixed",
    "Folder",
    "LockedError",
    "Made",
    "Normal",
    "Pictures",
    "Plan",
    "PlanError",
    "ShardError",
    "Stopped",
    "UnevenError",
    "UnfinishedError",
    "Uniform",
    "augment",
    "export",
    "make_plan",
    "run",
]

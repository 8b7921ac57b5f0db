"""Bulk jobs: a plan, its shards, their receipts, and who makes them."""

from .alphas import Fixed, Normal, Uniform
from .crew import Crew
from .errors import (
    AugmentError,
    DamageError,
    LockedError,
    PlanError,
    ShardError,
    Stopped,
    UnevenError,
)
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
    "Uniform",
    "augment",
    "make_plan",
    "run",
]

"""Bulk jobs: a plan, its shards, their receipts, who makes them, and what others read."""

from ..working import Stopped
from .alphas import Bins, Fixed, Normal, Target, Uniform
from .amending import amend
from .crew import Crew
from .errors import (
    AugmentError,
    DamageError,
    LockedError,
    PlanError,
    ShardError,
    UnevenError,
    UnfinishedError,
)
from .exporting import export
from .folder import Folder
from .judging import Judge
from .making import Made
from .plan import Plan
from .planning import make_plan
from .rendering import Pictures
from .running import augment, run

__all__ = [
    "AugmentError",
    "Bins",
    "Crew",
    "DamageError",
    "Fixed",
    "Folder",
    "Judge",
    "LockedError",
    "Made",
    "Normal",
    "Pictures",
    "Plan",
    "PlanError",
    "ShardError",
    "Stopped",
    "Target",
    "UnevenError",
    "UnfinishedError",
    "Uniform",
    "amend",
    "augment",
    "export",
    "make_plan",
    "run",
]

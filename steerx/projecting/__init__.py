"""Real pictures: `project` finds the codes of a picture, `tune` bends the network towards it."""

from .journal import JournalError
from .losses import Features, Loss
from .projection import Projection, project
from .schedule import Schedule
from .tuning import tune

__all__ = ["Features", "JournalError", "Loss", "Projection", "Schedule", "project", "tune"]

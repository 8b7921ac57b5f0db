"""Codes -> images -> scores, streamed through any callable; and scores as a value with its files."""

from .batches import batch_size, batches_of
from .journal import JournalError
from .scorers import Scorer, ScorerError, ask, checked
from .scores import Scores
from .stream import score
from .table import ScoresFileError

__all__ = [
    "JournalError",
    "Scorer",
    "ScorerError",
    "Scores",
    "ScoresFileError",
    "ask",
    "batch_size",
    "batches_of",
    "checked",
    "score",
]

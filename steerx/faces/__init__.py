"""The drawn world: faces with a known truth, for demonstrations and tests; not a model of people."""

from steerx.faces.drawing import draw
from steerx.faces.scorer import Scorer, scorer
from steerx.faces.truth import BINARY_FACTORS, FACTORS, directions, factors, moved

__all__ = [
    "BINARY_FACTORS",
    "FACTORS",
    "Scorer",
    "directions",
    "draw",
    "factors",
    "moved",
    "scorer",
]

"""Workers: processes or actors that do pieces of a job, and the driver that hands them out."""

from .crew import Crew, Message, Order
from .errors import CrewError
from .stopping import Stop, Stopped, stopping
from .threads import one_thread

__all__ = [
    "Crew",
    "CrewError",
    "Message",
    "Order",
    "Stop",
    "Stopped",
    "one_thread",
    "stopping",
]

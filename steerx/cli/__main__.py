"""`python -m steerx.cli`."""

from . import main

main()

"""Tables for people, on stdout."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from .failures import printable


def table(rows: Iterable[Sequence[str]], *, head: Sequence[str] = (), title: str = "") -> None:
    """Print rows of text; nothing in them is taken for markup."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    sheet = Table(
        *head,
        title=Text(printable(title)) if title else None,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD if head else None,
        show_header=bool(head),
        pad_edge=False,
    )
    for number, row in enumerate(rows):
        if not head and number == 0:
            for place in range(len(row)):
                sheet.add_column(style="dim" if place == 0 else None, overflow="fold")
        sheet.add_row(*(Text(printable(cell)) for cell in row))
    # Without a terminal nothing wraps: a line of a table stays a line for grep.
    console = Console() if sys.stdout.isatty() else Console(width=200)
    console.print(sheet)

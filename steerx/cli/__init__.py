"""The command line: words for people. Every command imports what it needs when it runs."""

from .app import app, main

__all__ = ["app", "main"]

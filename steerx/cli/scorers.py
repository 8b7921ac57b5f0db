"""Scorers and other functions by name: the built-in scorer, or the user's own code, imported because it was named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .failures import FAILED, USAGE, Failure
from .scores import warn_of_strangers

if TYPE_CHECKING:
    from ..generators import Generator
    from ..scoring import Scorer


@dataclass(frozen=True)
class Named:
    """A scorer and what it calls its columns.

    Attributes:
        scorer: images [N, 3, H, W] -> [N, A'].
        names: of the A' attributes; None where it does not say.
    """

    scorer: Scorer
    names: tuple[str, ...] | None


def scorer_named(text: str, G: Generator, *, known: Sequence[str] = ("faces",)) -> Named:
    """The scorer of `faces`, `module:name` or `path/to/file.py:name`.

    A class is called once, without arguments; a torch module goes to the generator's device, in
    evaluation mode. A scorer may say its attributes as `.names`.

    Args:
        text: the name.
        G: whose pictures it scores.
        known: names that the command has for scorers, for messages.

    Raises:
        Failure: nothing of that name, something that cannot score, or code that fails on import.
    """
    if text == "faces":
        from ..faces import scorer

        warn_of_strangers(G)
        built_in = scorer().to(G.device)
        return Named(built_in, built_in.names)
    job = "takes images [N, 3, H, W] and returns scores [N, A]"
    found = code_named("--scorer", text, G, job, known=known)
    return Named(found, _names(getattr(found, "names", None), f"--scorer {text}"))


def code_named(
    option: str, text: str, G: Generator, job: str, *, known: Sequence[str] = ()
) -> Callable[..., Any]:
    """The function, or object of a class that can be called, of `module:name` or `path/to/file.py:name`.

    Args:
        option: that named it.
        text: the name.
        G: whose device a torch module goes to.
        job: what it must do, for messages.
        known: what the option may be besides, for messages.

    Raises:
        Failure: nothing of that name, something that cannot be called, or code that fails on import.
    """
    said = f"{option} {text}"
    where, colon, name = text.rpartition(":")
    if not colon or not where or not name:
        forms = ", ".join([*known, "module:function or file.py:function"])
        raise Failure(f"{option} must be {forms}, got {text!r}", USAGE)
    found = _attribute(_module(where, said), name, said)
    if isinstance(found, type):
        try:
            found = found()
        except (Exception, SystemExit) as error:
            raise _broken(said, f"{name}()", error) from error
    if not callable(found):
        raise Failure(
            f"{said}: {name} is no function but {type(found).__name__}; name something that {job}",
            USAGE,
        )

    from ..scoring.naming import settled

    return settled(found, G.device)  # type: ignore[no-any-return]


def _module(where: str, said: str) -> ModuleType:
    """Import a module by its name or its file; what stands beside it can be imported too."""
    from ..scoring.naming import module_at

    by_file = where.endswith(".py")
    if by_file and not Path(where).is_file():
        raise Failure(f"{said}: there is no file {where}; check the path", USAGE)
    if not by_file and not all(part.isidentifier() for part in where.split(".")):
        raise Failure(f"{said}: {where!r} is neither a module nor a .py file", USAGE)
    try:
        return module_at(where)
    except ModuleNotFoundError as error:
        if by_file or error.name is None or not f"{where}.".startswith(f"{error.name}."):
            raise _broken(said, where, error) from error
        raise Failure(
            f"{said}: there is no module {error.name!r} here or installed; give its file: "
            "path/to/file.py:function",
            USAGE,
        ) from error
    except (Exception, SystemExit) as error:
        raise _broken(said, where, error) from error


def _attribute(module: ModuleType, name: str, said: str) -> Any:
    if hasattr(module, name):
        return getattr(module, name)
    there = [n for n, value in vars(module).items() if callable(value) and not n.startswith("_")]
    close = get_close_matches(name, there, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(there[:8]) or 'none'}"
    raise Failure(f"{said}: there is no {name!r} in it; {hint}", USAGE)


def _broken(said: str, what: str, error: BaseException) -> Failure:
    how = f"{type(error).__name__}: {error}"
    return Failure(f"{said}: {what} fails with {how} (add -v for the traceback)", FAILED)


def _names(names: Any, said: str) -> tuple[str, ...] | None:
    """Names of a scorer, which must be such that a table can say them."""
    if names is None:
        return None
    from ..scoring.columns import check_names

    listed = [names] if isinstance(names, str) else names
    if not isinstance(listed, Sequence) or not listed:
        raise Failure(f"{said}: its .names must be a list of words, got {names!r}", USAGE)
    try:
        check_names(listed)
    except ValueError as error:
        why = str(error).removeprefix("Scores: ")
        raise Failure(f"{said}: its .names are refused: {why}", USAGE) from error
    return tuple(listed)

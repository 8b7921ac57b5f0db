"""The schema of job files."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from .failures import DATA, Failure
from .writing import write

_MAX_BYTES = 1 << 20
_MAX_LISTS = 200
Scalar = bool | int | float | str


class Job(BaseModel):
    """What a run was asked for.

    Attributes:
        steerx_job: version of the format.
        command: "sweep", "mine sefa", ...
        arguments: its arguments, by their long spelling.
        made_by: versions and facts for people; not read again.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    steerx_job: Literal[1]
    command: str
    arguments: dict[str, Scalar | list[Scalar] | None] = {}
    made_by: dict[str, str] = {}

    @classmethod
    def load(cls, file: Path) -> Job:
        """Read a job file; what it does not know is refused by name.

        Raises:
            Failure: no job.
            OSError: a file that cannot be read.
        """
        with file.open("rb") as handle:
            data = handle.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise Failure(f"{file} is refused: a job has at most {_MAX_BYTES} bytes", DATA)
        try:
            text = data.decode("utf-8")
            if text.count("[") + text.count("{") > _MAX_LISTS:
                raise ValueError("too many lists")  # the parser's time grows with their square
            if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text)):
                raise Failure(f"{file} is refused: a job has no YAML aliases", DATA)
            return cls.model_validate(yaml.safe_load(text))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise Failure(f"{file} is no job file: {where}: {first['msg']}", DATA) from error
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
            said = " ".join(str(error).split())[:200]
            raise Failure(f"{file} is no job file: not YAML ({said})", DATA) from error

    def save(self, stem: Path, *, force: bool) -> Path:
        """Write stem.yaml, or the next free stem-2.yaml; with force, over a job of the same command."""
        for number in count(1):
            file = Path(f"{stem}{'' if number == 1 else f'-{number}'}.yaml")
            if not file.exists() or (force and self._same_command(file)):
                break
        text = yaml.safe_dump(self.model_dump(), sort_keys=False, allow_unicode=True)
        write(file, text.encode(), force=force)
        return file

    def _same_command(self, file: Path) -> bool:
        try:
            return Job.load(file).command == self.command
        except (Failure, OSError):
            return False

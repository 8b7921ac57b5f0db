from __future__ import annotations

import errno
import pickle
from pathlib import Path
from typing import Any

import pytest

import steerx.cli.sample
from steerx.checkpoints import CheckpointError, Kind
from steerx.cli.failures import Failure, printable, told
from steerx.directions import DirectionsFileError
from tests.cli.commands import Run, one_line


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Failure("no", 2), 2),
        (CheckpointError(Kind.BAD_OPCODE, "no"), 65),
        (DirectionsFileError("no"), 65),
        (FileNotFoundError("no"), 74),
        (PermissionError(13, "Permission denied", "there"), 74),
        (OSError(28, "the disk is full"), 74),
        (KeyboardInterrupt(), 130),
        (ValueError("no"), 1),
        (MemoryError(), 1),
        (KeyError("no"), 1),
    ],
)
def test_exit_codes(error: BaseException, code: int) -> None:
    assert told(error)[0] == code


def test_a_message_of_the_system_names_the_file() -> None:
    assert told(PermissionError(13, "Permission denied", "there"))[1].startswith(
        "there: Permission"
    )


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded", "there"),
    ],
)
def test_a_full_disk_is_told_with_its_remedy(error: OSError) -> None:
    assert told(error)[1].endswith("; free some space, and run it again")


def test_one_line_without_control_characters() -> None:
    assert printable("a\n b\x1b[31m\u202ec") == "a b\\x1b[31m\\u202ec"


class Evil:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, (f"open({str(self.marker)!r}, 'w').close()",))


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("words", [["info"], ["sample"], ["mine", "sefa"]])
def test_a_hostile_pickle_is_refused_and_not_run(
    run: Run, tmp_path: Path, words: list[str], protocol: int
) -> None:
    marker, file = tmp_path / "marker", tmp_path / "hostile.pkl"
    file.write_bytes(pickle.dumps({"G_ema": Evil(marker)}, protocol=protocol))
    line = one_line(run(*words, file), 65)
    assert "hostile.pkl is refused" in line
    assert not marker.exists()


@pytest.mark.parametrize("words", [["info"], ["sample"], ["mine", "sefa"]])
def test_a_missing_file(run: Run, words: list[str]) -> None:
    assert "nothing.pkl" in one_line(run(*words, "nothing.pkl"), 74)


def test_an_empty_file_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.pkl").touch()
    one_line(run("info", "empty.pkl"), 65)


def test_did_you_mean(run: Run) -> None:
    assert "Did you mean 'sweep'" in one_line(run("swep"), 2)
    assert "--seeds" in one_line(run("sample", "faces", "--sedes", "3"), 2)


@pytest.mark.parametrize("words", [["mine"], ["sample"], ["sweep"], ["mine", "sefa"], ["info"]])
def test_what_is_missing_is_said(run: Run, words: list[str]) -> None:
    one_line(run(*words), 2)


def test_ctrl_c(run: Run, network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(steerx.cli.sample, "open_generator", interrupt)
    assert "interrupted" in one_line(run("sample", network), 130)


def test_verbose_shows_the_traceback(run: Run) -> None:
    result = run("info", "nothing.pkl", "-v")
    assert result.exit_code == 74
    assert "Traceback" in result.stderr


@pytest.mark.parametrize("device", ["tpu", "cuda:", "cuda:x", "cpu:0:1", ""])
def test_an_unknown_device(run: Run, network: Path, device: str) -> None:
    assert "--device" in one_line(run("sample", network, "--device", device), 2)


def test_a_device_that_is_not_there(
    run: Run, network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert "--device cpu" in one_line(run("sample", network, "--device", "cuda"), 1)

"""macOS and Windows: the package asks nothing of the system that they do not have, and says its encodings."""

from __future__ import annotations

import ast
import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from steerx import _files

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = sorted((ROOT / "steerx").rglob("*.py"))
POSIX = {"fcntl", "grp", "mmap", "posix", "pty", "pwd", "resource", "termios", "tty"}

JOB = """
import json, pkgutil, sys
import tests.without_posix
import steerx

for found in pkgutil.walk_packages(steerx.__path__, "steerx."):
    if found.name not in ("steerx._C", "steerx.cli.__main__"):
        __import__(found.name)

G = steerx.load("faces")
sefa = steerx.SeFa(layers="0-3", k=3).fit(G).directions_
sefa.save("sefa.safetensors")
moved = steerx.edit(G.codes(seeds="0-1"), "sefa.safetensors", alpha=2.0)
sweep = steerx.sweep(G, seeds=[0], directions="sefa.safetensors", alphas=[-2, 0, 2])
sweep.grid().save("grid.png")
scores = steerx.score(G, steerx.faces.scorer(), seeds=range(6), batch=2, journal="scores.part")

from typer.testing import CliRunner
from steerx.cli import app

run = CliRunner().invoke(app, ["mine", "sefa", "faces", "-k", "2", "-o", "out/again.safetensors"])
assert run.exit_code == 0, run.output
run = CliRunner().invoke(app, ["sample", "faces", "--seeds", "0,1", "-o", "out"])
assert run.exit_code == 0, run.output
print(json.dumps({
    "answers": sorted({steerx.ops.backend(name) for name in steerx.ops.REGISTRY}),
    "library": steerx.ops.build_info(),
    "moved": list(moved.shape),
    "scores": list(scores.shape),
    "faces": G.model_id,
}))
"""


def test_a_job_without_posix_native_library_and_compiler(tmp_path: Path) -> None:
    import steerx

    run = subprocess.run(
        [sys.executable, "-c", JOB],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout.splitlines()[-1])
    G = steerx.load("faces")
    assert said["answers"] == ["reference"] and not said["library"]
    assert said["moved"] == [2, G.num_ws, G.w_dim] and said["scores"][0] == 6
    assert said["faces"] == G.model_id  # the same bytes of the same file
    ours = steerx.SeFa(layers="0-3", k=3).fit(G).directions_
    theirs = steerx.Directions.load(tmp_path / "sefa.safetensors")
    assert (ours.vectors - theirs.vectors).abs().max() <= 1e-6
    assert sorted(p.name for p in tmp_path.glob("*.*")) == [
        "grid.png",
        "scores.part",
        "sefa.safetensors",
    ]
    written = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert {"again.safetensors", "again.job.yaml", "seed0000.png", "seed0001.png"} <= set(written)


@pytest.mark.parametrize("missing", [("preadv",), ("preadv", "pread")])
def test_files_are_read_alike_with_every_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: tuple[str, ...]
) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(range(256)))
    for name in missing:
        monkeypatch.delattr(os, name, raising=False)
    monkeypatch.setattr(_files, "_CHUNK", 7)
    descriptor = _files.open_to_read(path)
    buffer = bytearray(20)
    assert _files.fill_at(descriptor, memoryview(buffer), 250) == 6
    assert _files.fill_at(descriptor, memoryview(buffer), 256) == 0
    assert _files.fill_at(descriptor, memoryview(buffer), 5) == 7
    assert bytes(buffer[:7]) == bytes(range(5, 12))
    assert _files.read_at(descriptor, 3, 9) == b"\t\n\x0b"
    os.close(descriptor)


def test_a_file_that_somebody_has_open_is_kept_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: object, target: object) -> None:
        raise PermissionError(errno.EACCES, "The process cannot access the file", str(source))

    path = tmp_path / "a.bin"
    path.write_bytes(b"theirs")
    monkeypatch.setattr(os, "replace", refuse)
    with (
        pytest.raises(
            PermissionError, match=r"cannot replace .*a\.bin: another program has it open"
        ),
        _files.whole_file(path, overwrite=True) as handle,
    ):
        handle.write(b"ours")
    assert path.read_bytes() == b"theirs" and os.listdir(tmp_path) == ["a.bin"]


def test_a_drive_that_is_not_there_ends_the_search_for_a_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Upwards from a file on a missing drive there is no folder, and the top is its own parent."""
    from steerx.cli.dry_run import Cost, tell
    from steerx.cli.failures import Failure
    from steerx.cli.writing import claim

    monkeypatch.setattr(os.path, "lexists", lambda path: False)
    monkeypatch.setattr(Path, "is_dir", lambda path: False)
    with pytest.raises(Failure, match=r"/ is not a folder; choose another place for a\.png"):
        claim([Path("/out/a.png")], force=False)
    tell(Cost(pictures=1, files=1, bytes=1), Path("/out"))


def silent(tree: ast.AST) -> list[int]:
    """Lines where text is read or written in whatever encoding the machine prefers."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function, said = node.func, {word.arg: word.value for word in node.keywords}
        name = getattr(function, "attr", getattr(function, "id", ""))
        owner = getattr(getattr(function, "value", None), "id", "")
        words = [a.value for a in [*node.args, said.get("mode")] if isinstance(a, ast.Constant)]
        binary = any(isinstance(t, str) and "b" in t and set(t) <= set("rwxab+") for t in words)
        # A descriptor, a picture, a page and a member of an archive have no encoding.
        other = name == "open" and owner in ("os", "Image", "webbrowser", "archive", "av")
        opens = name in ("open", "fdopen") and not binary and not other
        piped = name in ("run", "Popen", "check_output") and "text" in said
        texts = opens or piped or name in ("read_text", "write_text", "TextIOWrapper")
        if texts and "encoding" not in said and None not in said:
            found.append(node.lineno)
    return found


def test_the_check_sees_what_it_looks_for() -> None:
    for line in (
        "open(p)",
        "p.open()",
        "open(p, 'w')",
        "p.read_text()",
        "p.write_text('b')",
        "run(a, text=True)",
    ):
        assert silent(ast.parse(line)) == [1], line
    for line in (
        "open(p, 'rb')",
        "p.open('wb')",
        "p.read_text(encoding='utf-8')",
        "os.open(p, 0)",
        "p.read_bytes()",
    ):
        assert silent(ast.parse(line)) == [], line


@pytest.mark.parametrize(
    "path", [*PACKAGE, ROOT / "setup.py"], ids=lambda p: p.relative_to(ROOT).as_posix()
)
def test_text_says_its_encoding(path: Path) -> None:
    assert silent(ast.parse(path.read_text(encoding="utf-8"))) == []


def test_no_module_is_posix_alone() -> None:
    """Modules that are missing elsewhere are imported where one can go on without them."""
    found = {
        path.relative_to(ROOT).as_posix()
        for path in PACKAGE
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in (
            [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
        if name in POSIX
    }
    assert found == {"steerx/_files.py", "steerx/rendering/pages.py"}

"""A regression gate that counts instructions, not seconds: the same number on a busy machine as on a quiet one.

    python tests/native/counts.py [--write]          make counts

Compiles the CPU renderer's kernels for AVX2 by the commands of setup.py (valgrind does not know AVX-512) with
the two fixed runs of counted/runs.cpp, and lets callgrind count what they execute. counts.json holds the numbers;
a count that is further off than the tolerance fails, in either direction: a gain that is not written down hides the
next loss. `--write` writes what was counted: read its diff, and say in the commit why a number rose.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COUNTS = ROOT / "tests" / "native" / "counts.json"
DRIVER = ROOT / "tests" / "native" / "counted" / "runs.cpp"
RUNS = ("block", "tails")
KERNELS = ("winograd", "epilogue")  # of csrc/cpu
ISA = "avx2"
TOLERANCE = 0.02  # with the compiler that the numbers are of
OTHER_COMPILER = 0.25  # with another: what it makes of loops is not ours, a lost vectorisation is


def tool(fetched: Path) -> list[str] | None:
    """How valgrind is called: the machine's own, or the one in `fetched`; None where there is neither."""
    if own := shutil.which("valgrind"):
        return [own]
    program = fetched / "usr/bin/valgrind.bin"
    library = fetched / "usr/libexec/valgrind"
    return ["env", f"VALGRIND_LIB={library}", str(program)] if program.exists() else None


def fetch(to: Path) -> str:
    """Unpack the system's package of valgrind into a folder, which needs no rights; says what went wrong."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return "this system has no apt-get"
    with tempfile.TemporaryDirectory() as folder:
        script = f'apt-get download valgrind && dpkg-deb -x valgrind_*.deb "{to.resolve()}"'
        run = subprocess.run(script, shell=True, cwd=folder, capture_output=True, text=True)
    return " ".join(run.stderr.split()[-30:]) if run.returncode else ""


def setup_py() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "setup.py"), run_name="not_main")


def compiler() -> str:
    """Whose the C++ compiler of setup.py is, and its version."""
    command = [setup_py()["CXX"], "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return said.splitlines()[0].partition(" ")[2]  # c++ and g++ are names of one program


def build(folder: Path, csrc: Path) -> Path:
    """The program of the two runs, with the kernels in `csrc`."""
    setup = setup_py()
    wanted = {f"{kernel}.{ISA}.o" for kernel in KERNELS}
    own = str(ROOT / "csrc")
    objects, flags = [], []
    for job in setup["torch_free"](folder, None):
        if job.object.name in wanted:
            command = [part.replace(own, str(csrc)) for part in job.command]
            subprocess.run(command, check=True)
            objects.append(str(job.object))
            flags = [part for part in command if part.startswith(("-std", "-I"))]
    program = folder / "runs"
    link = [setup["CXX"], "-O2", *flags, str(DRIVER), *objects, "-o", str(program)]
    subprocess.run(link, check=True)
    return program


def counted(program: Path, valgrind: list[str]) -> dict[str, int]:
    """Instructions of every run."""
    found = {}
    for run in RUNS:
        command = [
            *(*valgrind, "--tool=callgrind", f"--toggle-collect=counted_{run}"),
            *("--callgrind-out-file=/dev/null", str(program), run),
        ]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        match = re.search(r"Collected : (\d+)", said.stderr)
        if said.returncode or match is None:
            raise SystemExit(f"counts: {' '.join(command)} failed\n{said.stderr[-2000:]}")
        found[run] = int(match[1])
    return found


def findings(found: dict[str, int], kept: dict[str, Any], with_compiler: str) -> list[str]:
    """What is further off than the tolerance, one line each."""
    same = with_compiler == kept["compiler"]
    most, wrong = TOLERANCE if same else OTHER_COMPILER, []
    for run in sorted(found.keys() ^ kept["instructions"].keys()):
        wrong.append(f"{run}: counted or written, not both; counts.py --write")
    for run in sorted(found.keys() & kept["instructions"].keys()):
        change = found[run] / kept["instructions"][run] - 1
        if abs(change) > most:
            said = "more" if change > 0 else "fewer"
            wrong.append(
                f"{run}: {found[run]} instructions, {abs(change):.1%} {said} than the "
                f"{kept['instructions'][run]} in counts.json ({most:.0%} are let pass"
                f"{'' if same else ' with another compiler'}); mend it, or counts.py --write and say why"
            )
    return wrong


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write what was counted")
    parser.add_argument("--fetched", type=Path, default=ROOT / ".venv" / "valgrind")
    options = parser.parse_args(argv)
    if platform.machine() != "x86_64":
        print("counts: the runs are of x86-64, nothing was checked")
        return 0
    valgrind = tool(options.fetched)
    if valgrind is None:
        obstacle = fetch(options.fetched)
        valgrind = tool(options.fetched)
        if valgrind is None:
            print(f"counts: there is no valgrind; on Debian: apt install valgrind ({obstacle})")
            return 1
    with tempfile.TemporaryDirectory() as folder:
        found = counted(build(Path(folder), ROOT / "csrc"), valgrind)
    if options.write:
        kept = {"compiler": compiler(), "isa": ISA, "instructions": found}
        COUNTS.write_text(json.dumps(kept, indent=2) + "\n")
    kept = json.loads(COUNTS.read_text())
    for run, count in found.items():
        print(f"{run}: {count} instructions, written: {kept['instructions'].get(run)}")
    wrong = findings(found, kept, compiler())
    print("\n".join(wrong) or f"{len(found)} runs keep their counts")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""Mutants of the CUDA kernels: does a test see every barrier, bound and index that is taken away?

    python tests/native/mutants.py [--files tail.cuh,...] [--every 1]          make mutants

Each mutant changes one place of a kernel's text, is compiled for the CPU, and run by the kernel's C++
test: plain first, under AddressSanitizer where that sees nothing, under ThreadSanitizer where that sees
nothing either. What all three let pass is a survivor; survivors that mean no mistake are listed with the
reason in `equivalents.py`.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from equivalents import EQUIVALENT

ROOT = Path(__file__).resolve().parents[2]
CUDA = ROOT / "csrc" / "cuda"
CXX = os.environ.get("CXX", "c++")
FLAGS = [
    *("-std=c++20", "-w", "-fno-omit-frame-pointer"),  # unoptimised: compiling is the time
    *(f"-I{ROOT / 'csrc'}", f"-I{ROOT / 'csrc/include'}"),
]
BUILDS = {
    "plain": [],
    "address": ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    "thread": ["-fsanitize=thread"],
}
ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=0",
    "TSAN_OPTIONS": "halt_on_error=1:report_signal_unsafe=0:symbolize=0",
}
SECONDS = {"plain": 5, "address": 20, "thread": 60}  # of processor time; a mutant may never end
RUNNER = ("scheduler", "collectives", "memory")
ISAS = ("baseline", "avx2", "avx512")

# Which tests run a file's kernels; each links the launchers it is named after, or those of EPILOGUES.
EPILOGUES = ("test_epilogues",)
TESTS = {
    "edit_styles.cuh": ("test_edit_styles",),
    "eigh.cuh": ("test_eigh",),
    "moments.cuh": ("test_moments",),
    "moments_tile.cuh": ("test_moments", "test_weight_covariance"),
    "weight_covariance.cuh": ("test_weight_covariance",),
    "style_epilogue.cuh": EPILOGUES,
    "upsample_epilogue.cuh": EPILOGUES,
    "tail.cuh": EPILOGUES,
    "style_layer.cuh": ("test_style_layer",),
    "style_layer_up.cuh": ("test_style_layer",),
    "style_layer_tile.cuh": ("test_style_layer",),
    "counted_noise.cuh": EPILOGUES,
}


def launchers_of(test: str) -> list[str]:
    """What a test links."""
    if test in EPILOGUES:
        return ["style_epilogue", "upsample_epilogue"]
    return [test.removeprefix("test_")]


TERM = r"(?<=[\w\])] )"  # behind a value: what follows is binary
CHANGES: list[tuple[str, str | Callable[[re.Match[str]], str], str]] = [
    (r"__sync(threads|warp)\([^;]*\);", "", "no barrier"),
    (r"simt::cp_async_wait<\d>\(\);", "", "no wait"),
    (r"(?<=cp_async_wait<)\d(?=>)", lambda m: str(int(m[0]) + 1), "waits for a group less"),
    (r"simt::cp_async_commit\(\);", "", "no commit"),
    (r"if \([^;{]*\) (return|continue);", "", "bound check gone"),
    (r"(?<![<\-])<=(?!=)", "<", "<= to <"),
    (TERM + r"<(?= [\w(])", "<=", "< to <="),
    (TERM + r">=(?= [\w(])", ">", ">= to >"),
    (TERM + r">(?= [\w(])", ">=", "> to >="),
    (r"&&", "||", "&& to ||"),
    (r"\|\|", "&&", "|| to &&"),
    (TERM + r"\+ 1\b", "", "+ 1 gone"),
    (TERM + r"- 1\b", "", "- 1 gone"),
    (TERM + r"\+ 2\b", "+ 1", "+ 2 to + 1"),
    (TERM + r"\+ (4|8|16)\b", "", "fragment row or column gone"),
    (TERM + r"\+(?= [\w(]+)", "-", "+ to -"),
    (TERM + r"-(?= [\w(]+)", "+", "- to +"),
    (TERM + r"% \w+", "", "remainder gone"),
    (TERM + r"/ \w+", "", "division gone"),
    (r"\+=", "=", "sum becomes its last term"),
    (r"(?<=\w)\[(\w+)\](?!(\[\w+\])*\s*=\s*\{)", r"[\1 + 1]", "index + 1"),
]
NOT_CODE = re.compile(
    r"^\s*(//|#|template|using|struct|static_assert|(static )?constexpr|SIMT_(KERNEL|SHARED|DYNAMIC))|\boperator\b"
)
DECLARES_ARRAYS = re.compile(r"^\s*\w[\w:<>, ]*\s\w+(\[[^\]]*\])+(, \w+(\[[^\]]*\])+)*;")


@dataclass(frozen=True)
class Mutant:
    """One change.

    Attributes:
        file: of csrc/cuda.
        line: its number, from 1.
        change: what was done.
        before, after: the line.
    """

    file: str
    line: int
    change: str
    before: str
    after: str

    @property
    def key(self) -> tuple[str, str]:
        """What an excuse names: the file and the mutated line, or the line that went."""
        return self.file, self.after or f"gone: {self.before}"


def mutants(file: str, text: str | None = None) -> Iterator[Mutant]:
    """Every change of a kernel's text; declarations, templates and comments are left alone."""
    lines = ((CUDA / file).read_text() if text is None else text).splitlines()
    for number, line in enumerate(lines, 1):
        code = line.split("//")[0]
        if NOT_CODE.search(line) or DECLARES_ARRAYS.search(code):
            continue
        seen = {code.strip()}
        for pattern, new, change in CHANGES:
            for found in re.finditer(pattern, code):
                put = new(found) if callable(new) else found.expand(new)
                after = (code[: found.start()] + put + code[found.end() :]).strip()
                if after not in seen:
                    seen.add(after)
                    yield Mutant(file, number, change, code.strip(), after)


def includes(file: Path, among: Path) -> set[str]:
    """Names of a folder's files that a file reaches by its includes, itself too."""
    found, waiting = {file.name}, [file]
    while waiting:
        for name in re.findall(r'^#include "([\w.]+)"', waiting.pop().read_text(), re.M):
            if name not in found and (among / name).is_file():
                found.add(name)
                waiting.append(among / name)
    return found


class Workshop:
    """Objects that do not change with the mutant, built once per build and linked with every mutant's own."""

    def __init__(self, folder: Path, files: list[str], jobs: int) -> None:
        self.folder = folder
        work: list[tuple[Path, Path, list[str]]] = []
        tests = {test for file in files for test in TESTS[file]}
        launchers = {name for test in tests for name in launchers_of(test)}
        for build, flags in BUILDS.items():
            runner = [] if build == "thread" else flags  # the runner must not be seen by TSan
            for name in RUNNER:
                work.append(
                    (ROOT / "csrc/simt" / f"{name}.cpp", folder / f"{name}.{build}.o", runner)
                )
            for test in tests:
                source = ROOT / "tests/native" / f"{test}.cpp"
                work.append((source, folder / f"{test}.{build}.o", flags))
            for name in launchers:
                work.append((CUDA / f"{name}.cu", folder / f"{name}.{build}.o", flags))
        own = []
        for source in (ROOT / "csrc/cpu").glob("*.cpp"):  # no instruction set matters here
            for isa in ISAS:
                flags = [f"-DSTEERX_ISA={isa}", *(["-DSTEERX_TABLE"] if isa == "baseline" else [])]
                own.append(folder / f"cpu.{source.stem}.{isa}.o")
                work.append((source, own[-1], flags))
        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(lambda one: compiled(*one), work))
        subprocess.run(["ar", "rcs", str(folder / "libcpu.a"), *map(str, own)], check=True)

    def verdict(self, mutant: Mutant | None, file: str, place: Path) -> str:
        """The build that saw the mutant, "does not compile", or "" for a survivor."""
        if mutant is not None:
            lines = (CUDA / file).read_text().splitlines()
            lines[mutant.line - 1] = mutant.after
            (place / "cuda").mkdir(parents=True, exist_ok=True)
            for source in CUDA.glob("*.cu*"):
                (place / "cuda" / source.name).write_text(source.read_text())
            (place / "cuda" / file).write_text("\n".join(lines) + "\n")
        for build in BUILDS:
            for test in TESTS[file]:
                if seen := self._seen(mutant, file, test, build, place):
                    return seen
        return ""

    def _seen(self, mutant: Mutant | None, file: str, test: str, build: str, place: Path) -> str:
        """The same of one test in one build."""
        flags, objects = BUILDS[build], [self.folder / f"{n}.{build}.o" for n in (*RUNNER, test)]
        for name in launchers_of(test):
            own = mutant is not None and file in includes(CUDA / f"{name}.cu", CUDA)
            objects.append((place if own else self.folder) / f"{name}.{build}.o")
            source, include = place / f"cuda/{name}.cu", f"-I{place}"
            if own and not compiled(source, objects[-1], [include, *flags], check=False):
                return "does not compile"
        program = place / f"{test}.{build}"
        libraries = [str(self.folder / "libcpu.a"), "-o", str(program)]
        subprocess.run([CXX, *FLAGS, *flags, *map(str, objects), *libraries], check=True)
        limited = ["sh", "-c", f'ulimit -t {SECONDS[build]}; exec "$0"', str(program)]
        environment = {**os.environ, **ENVIRONMENT}
        ended = subprocess.run(limited, capture_output=True, env=environment).returncode
        return build if ended else ""


def compiled(source: Path, target: Path, flags: list[str], *, check: bool = True) -> bool:
    command = [CXX, *FLAGS, *flags, "-x", "c++", "-c", str(source), "-o", str(target)]
    return subprocess.run(command, check=check, capture_output=not check).returncode == 0


def table(chosen: list[Mutant], verdicts: list[str]) -> str:
    """What saw the mutants of each file, in Markdown."""
    rows = [
        "| file | mutants | plain | ASan, UBSan | TSan | survivors, all explained |",
        "|---|---|---|---|---|---|",
    ]
    for file in dict.fromkeys(mutant.file for mutant in chosen):
        own = Counter(v for m, v in zip(chosen, verdicts, strict=True) if m.file == file)
        total = own.total() - own["does not compile"]
        seen = " | ".join(str(own[build]) for build in (*BUILDS, ""))
        rows.append(f"| `{file}` | {total} | {seen} |")
    return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", default=",".join(TESTS), help="Files of csrc/cuda.")
    parser.add_argument("--every", type=int, default=1, help="Only every n-th mutant.")
    parser.add_argument("--jobs", type=int, default=int(os.environ.get("MAX_JOBS", "2")))
    options = parser.parse_args()
    files, start = options.files.split(","), time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        workshop = Workshop(Path(scratch), files, options.jobs)
        chosen = [m for file in files for m in mutants(file)][:: options.every]
        for file in {TESTS[file]: file for file in files}.values():
            if seen := workshop.verdict(None, file, Path(scratch)):
                print(f"{', '.join(TESTS[file])}: the kernels as they are fail ({seen})")
                return 1

        def judged(mutant: Mutant) -> str:
            with tempfile.TemporaryDirectory(dir=scratch) as place:
                seen = workshop.verdict(mutant, mutant.file, Path(place))
            if not seen:
                why = EQUIVALENT.get(mutant.key, "NOT EXPLAINED")
                where = f"{mutant.file}:{mutant.line} {mutant.change}: {mutant.key[1]}"
                print(f"{where}   [{why}]", flush=True)
            return seen

        with ThreadPoolExecutor(options.jobs) as pool:
            verdicts = list(pool.map(judged, chosen))
    survivors = [m for m, v in zip(chosen, verdicts, strict=True) if not v]
    unexplained = [m for m in survivors if m.key not in EQUIVALENT]
    print(table(chosen, verdicts))
    took = time.monotonic() - start
    print(f"{len(chosen)} mutants in {took:.0f} s, {len(unexplained)} survivors not explained")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())

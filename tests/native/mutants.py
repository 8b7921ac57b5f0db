"""Mutants of the CUDA kernels: does a test see every barrier, bound and index that is taken away?

    python tests/native/mutants.py [--files tail.cuh,...] [--every 1]

Each mutant changes one place of a kernel's text, is compiled for the CPU, and run by the kernel's C++
test: plain first, under AddressSanitizer where that sees nothing, under ThreadSanitizer where that sees
nothing either. What all three let pass is a survivor; survivors that mean no mistake are listed with the
reason in EQUIVALENT.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CUDA = ROOT / "csrc" / "cuda"
CXX = os.environ.get("CXX", "c++")
FLAGS = [
    "-std=c++20",
    "-O1",
    "-g",
    "-w",
    "-fno-omit-frame-pointer",
    f"-I{ROOT / 'csrc'}",
    f"-I{ROOT / 'csrc/include'}",
]
BUILDS = {
    "plain": [],
    "address": ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    "thread": ["-fsanitize=thread"],
}
ENVIRONMENT = {"ASAN_OPTIONS": "detect_stack_use_after_return=0", "TSAN_OPTIONS": "halt_on_error=1"}
SECONDS = 60
ISAS = ("baseline", "avx2", "avx512")

# Which test runs a file's kernels, and which launchers it links.
TESTS = {
    "edit_styles.cuh": ("test_edit_styles", ["edit_styles"]),
    "style_epilogue.cuh": ("test_epilogues", ["style_epilogue", "upsample_epilogue"]),
    "upsample_epilogue.cuh": ("test_epilogues", ["style_epilogue", "upsample_epilogue"]),
    "tail.cuh": ("test_epilogues", ["style_epilogue", "upsample_epilogue"]),
    "counted_noise.cuh": ("test_epilogues", ["style_epilogue", "upsample_epilogue"]),
}  # fmt: skip

# Survivors that change nothing a caller could see: (file, text of the line, mutation) -> why.
EQUIVALENT: dict[tuple[str, str], str] = {}

CHANGES = [
    (r"__sync(threads|warp)\([^;]*\);", "", "no barrier"),
    (r"simt::cp_async_wait<\d>\(\);", "", "no wait"),
    (r"(?<![<\-])<=(?!=)", "<", "<= to <"),
    (r"(?<=[\w\])] )<(?= [\w(])", "<=", "< to <="),
    (r"(?<=[\w\])] )>=(?= [\w(])", ">", ">= to >"),
    (r"(?<=[\w\])] )>(?= [\w(])", ">=", "> to >="),
    (r"&&", "||", "&& to ||"),
    (r"\|\|", "&&", "|| to &&"),
    (r"(?<=[\w\])] )\+ 1\b", "", "+ 1 gone"),
    (r"(?<=[\w\])] )- 1\b", "", "- 1 gone"),
    (r"(?<=[\w\])] )\+ 2\b", "+ 1", "+ 2 to + 1"),
    (r"(?<=\w)\[(\w+)\](?!\s*=\s*\{)", r"[\1 + 1]", "index + 1"),
]
NOT_CODE = re.compile(r"^\s*(//|#|template|using|struct|constexpr|static constexpr)|\boperator\b")


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


def mutants(file: str) -> Iterator[Mutant]:
    """Every change of a kernel's text; declarations, templates and comments are left alone."""
    for number, line in enumerate((CUDA / file).read_text().splitlines(), 1):
        code = line.split("//")[0]
        if NOT_CODE.search(line) or re.search(r"^\s*[\w:<>, ]+\s\w+\[\w+\](, \w+\[\w+\])*;", code):
            continue
        for pattern, new, change in CHANGES:
            for found in re.finditer(pattern, code):
                after = code[: found.start()] + found.expand(new) + code[found.end() :]
                yield Mutant(file, number, change, code.strip(), after.strip())


class Workshop:
    """Objects that do not change with the mutant, built once per build."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for build, flags in BUILDS.items():
            runner = [] if build == "thread" else flags  # the runner must not be seen by TSan
            for name in ("scheduler", "collectives", "memory"):
                compiled(
                    ROOT / "csrc" / "simt" / f"{name}.cpp", folder / f"{name}.{build}.o", runner
                )
            for test in {test for test, _ in TESTS.values()}:
                source = ROOT / "tests" / "native" / f"{test}.cpp"
                compiled(source, folder / f"{test}.{build}.o", flags)
        for isa in ISAS:  # the test needs the CPU kernels too; no instruction set matters here
            flags = [f"-DSTEERX_ISA={isa}", *(["-DSTEERX_TABLE"] if isa == "baseline" else [])]
            compiled(ROOT / "csrc/cpu/edit_styles.cpp", folder / f"{isa}.o", flags)

    def verdict(self, mutant: Mutant | None, file: str, place: Path) -> str:
        """The build that saw the mutant, "does not compile", or "" for a survivor."""
        test, launchers = TESTS[file]
        include = []
        if mutant is not None:
            lines = (CUDA / file).read_text().splitlines()
            lines[mutant.line - 1] = mutant.after
            (place / "cuda").mkdir(parents=True, exist_ok=True)
            for header in CUDA.glob("*.cu*"):
                (place / "cuda" / header.name).write_text(header.read_text())
            (place / "cuda" / file).write_text("\n".join(lines) + "\n")
            include = [f"-I{place}"]
        source_folder = place / "cuda" if mutant is not None else CUDA
        for build, flags in BUILDS.items():
            objects = []
            for launcher in launchers:
                target = place / f"{launcher}.{build}.o"
                done = compiled(
                    source_folder / f"{launcher}.cu", target, [*include, *flags], check=False
                )
                if not done:
                    return "does not compile"
                objects.append(str(target))
            objects += [
                str(self.folder / f"{n}.{build}.o")
                for n in ("scheduler", "collectives", "memory", test)
            ]
            if test == "test_edit_styles":
                objects += [str(self.folder / f"{isa}.o") for isa in ISAS]
            program = place / f"test.{build}"
            subprocess.run([CXX, *FLAGS, *flags, *objects, "-o", str(program)], check=True)
            try:
                result = subprocess.run(
                    [str(program)],
                    capture_output=True,
                    timeout=SECONDS,
                    env={**os.environ, **ENVIRONMENT},
                )
            except subprocess.TimeoutExpired:
                return f"{build} (never ends)"
            if result.returncode:
                return build
        return ""


def compiled(source: Path, target: Path, flags: list[str], *, check: bool = True) -> bool:
    command = [CXX, *FLAGS, *flags, "-x", "c++", "-c", str(source), "-o", str(target)]
    return subprocess.run(command, check=check, capture_output=not check).returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", default=",".join(TESTS), help="Files of csrc/cuda.")
    parser.add_argument("--every", type=int, default=1, help="Only every n-th mutant.")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        workshop = Workshop(Path(scratch))
        chosen = [m for file in options.files.split(",") for m in mutants(file)][:: options.every]
        for file in options.files.split(","):
            (Path(scratch) / f"clean-{file}").mkdir()
            if seen := workshop.verdict(None, file, Path(scratch) / f"clean-{file}"):
                print(f"{file}: the kernel itself fails ({seen})")
                return 1

        def judged(mutant: Mutant) -> str:
            with tempfile.TemporaryDirectory(dir=scratch) as place:
                return workshop.verdict(mutant, mutant.file, Path(place))

        with ThreadPoolExecutor(options.jobs) as pool:
            verdicts = list(pool.map(judged, chosen))
    survivors = [m for m, v in zip(chosen, verdicts, strict=True) if not v]
    unexplained = [m for m in survivors if (m.file, m.after) not in EQUIVALENT]
    for mutant in survivors:
        why = EQUIVALENT.get((mutant.file, mutant.after), "NOT EXPLAINED")
        print(f"{mutant.file}:{mutant.line} {mutant.change}: {mutant.after}   [{why}]")
    counts = {v: verdicts.count(v) for v in sorted(set(verdicts))}
    print(f"{len(chosen)} mutants: {counts}; {len(unexplained)} survivors without an explanation")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())

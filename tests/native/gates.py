"""Gates on the kernels' machine code: what the compiler already knows about the GPU, asked without one.

    python tests/native/gates.py [--write]          make gates

Compiles csrc/cuda/*.cu by the commands of setup.py with warnings as errors (spills and local memory are
warnings of ptxas), then reads the objects: no stack, no local loads or stores, registers and shared memory
within budgets.json, tensor-core instructions where they are promised there. `--write` writes what was
measured as the new budgets: read its diff, and say in the commit why a number rose.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CUDA = ROOT / "csrc" / "cuda"
BUDGETS = ROOT / "tests" / "native" / "budgets.json"
STRICT = "-Werror=all-warnings"
LOCAL, TENSOR = re.compile(r"\b(LDL|STL)\b"), re.compile(r"\bH[GM]*MMA\b")

# Kernel name -> architecture -> [registers, bytes of static shared memory]; "tensor_cores" -> promised.
Budgets = dict[str, dict[str, list[int] | bool]]


@dataclass(frozen=True)
class Compiled:
    """A kernel as one architecture got it.

    Attributes:
        name: with its template arguments.
        registers: of a thread.
        stack: bytes of a thread.
        shared: bytes of a block, the dynamic part aside.
        local: instructions that load or store local memory.
        tensor: matrix instructions of the tensor cores.
    """

    name: str
    arch: str
    registers: int
    stack: int
    shared: int
    local: int = 0
    tensor: int = 0


def toolkit() -> Path | None:
    """The CUDA toolkit that setup.py would take."""
    found = runpy.run_path(str(ROOT / "setup.py"), run_name="not_main")["cuda_toolkit"]()
    return Path(found) if found else None


def compile_kernels(folder: Path, home: Path, sources: Iterable[Path] = ()) -> list[Path]:
    """Kernels as setup.py compiles them, csrc/cuda/*.cu unless told; ends where one has a warning."""
    setup = runpy.run_path(str(ROOT / "setup.py"), run_name="not_main")
    jobs = [job for job in setup["torch_free"](folder, home) if job.object.name.endswith(".cuda.o")]
    flags = jobs[0].command[: jobs[0].command.index("-c")]
    sources = list(sources) or [Path(job.command[-3]) for job in jobs]

    def one(source: Path) -> Path:
        target = folder / f"{source.stem}.o"
        command = [*flags, STRICT, "-c", str(source), "-o", str(target)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode:
            raise SystemExit(f"{source.name}: nvcc refuses it\n{run.stdout}{run.stderr}")
        return target

    with ThreadPoolExecutor(int(os.environ.get("MAX_JOBS", "2"))) as pool:
        return list(pool.map(one, sources))


def cuobjdump(home: Path) -> tuple[str, dict[str, str]]:
    """The program that reads objects, and an environment in which it finds nvdisasm."""
    packaged = Path(sysconfig.get_path("purelib")).glob("nvidia/cu*/bin")
    places = [str(home / "bin"), *map(str, packaged), os.environ.get("PATH", "")]
    path = os.pathsep.join(places)
    for program in ("cuobjdump", "nvdisasm"):
        if shutil.which(program, path=path) is None:
            raise SystemExit(
                f"gates: {program} is missing; pip install nvidia-cuda-cuobjdump nvidia-cuda-nvdisasm"
            )
    return str(shutil.which("cuobjdump", path=path)), {**os.environ, "PATH": path}


def read(objects: Iterable[Path], home: Path) -> list[Compiled]:
    """What the objects hold, kernel by kernel and architecture by architecture."""
    program, environment = cuobjdump(home)

    def text(object: Path, what: str) -> str:
        command = [program, what, str(object)]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        ).stdout

    found: list[Compiled] = []
    for object in objects:
        code = instructions(text(object, "--dump-sass"))
        for kernel in resources(text(object, "--dump-resource-usage")):
            lines = code.get((kernel.name, kernel.arch), "")
            local, tensor = len(LOCAL.findall(lines)), len(TENSOR.findall(lines))
            found.append(replace(kernel, local=local, tensor=tensor))
    names = demangled([kernel.name for kernel in found])
    return [replace(kernel, name=names[kernel.name]) for kernel in found]


def resources(text: str) -> list[Compiled]:
    """What `cuobjdump --dump-resource-usage` says."""
    found, arch, name = [], "", ""
    for line in text.splitlines():
        if match := re.search(r"^arch = (\w+)", line):
            arch = match[1]
        elif match := re.search(r"^ Function (\w+):", line):
            name = match[1]
        elif match := re.search(r"^  REG:(\d+) STACK:(\d+) SHARED:(\d+)", line):
            found.append(Compiled(name, arch, *map(int, match.groups())))
    return found


def instructions(text: str) -> dict[tuple[str, str], str]:
    """The machine code of each (kernel, architecture), from `cuobjdump --dump-sass`."""
    code: dict[tuple[str, str], list[str]] = {}
    arch, lines = "", []
    for line in text.splitlines():
        if match := re.search(r"code for (\w+)", line):
            arch = match[1]
        elif match := re.search(r"Function : (\w+)", line):
            lines = code.setdefault((match[1], arch), [])
        else:
            lines.append(line)
    return {key: "\n".join(lines) for key, lines in code.items()}


def demangled(names: list[str]) -> dict[str, str]:
    """Kernel names as the source spells them: without namespace and arguments."""
    if not names:
        return {}
    run = subprocess.run(
        ["c++filt", "--no-params", *names], capture_output=True, text=True, check=True
    )
    return dict(zip(names, map(short, run.stdout.splitlines()), strict=True))


def short(name: str) -> str:
    """`void steerx::(anonymous namespace)::k<float, 4>` is `k<float, 4>`."""
    name = re.sub(r"\((anonymous namespace)\)::|steerx::|simt::", "", name)
    return name.removeprefix("void ").strip()


def findings(kernels: list[Compiled], budgets: Budgets) -> list[str]:
    """What breaks a rule, one line each."""
    wrong = []
    for kernel in kernels:
        place, line = f"{kernel.name} on {kernel.arch}", budgets.get(kernel.name, {})
        budget = line.get(kernel.arch)
        if kernel.stack or kernel.local:
            wrong.append(
                f"{place}: {kernel.stack} bytes of stack and {kernel.local} local loads or stores, "
                "must be 0; index arrays by constants, or unroll"
            )
        if not isinstance(budget, list):
            wrong.append(f"{place}: no line in budgets.json; run gates.py --write and say why")
            continue
        for what, value, most in zip(
            ("registers", "bytes of shared memory"),
            (kernel.registers, kernel.shared),
            budget,
            strict=True,
        ):
            if value > most:
                wrong.append(f"{place}: {value} {what}, the budget is {most}")
        if line.get("tensor_cores") and not kernel.tensor:
            wrong.append(f"{place}: promises tensor cores, has no matrix instruction")
    there = {(kernel.name, kernel.arch) for kernel in kernels}
    for name, line in budgets.items():
        for arch in line.keys() - {"tensor_cores"}:
            if (name, arch) not in there:
                wrong.append(f"{name} on {arch}: a budget without a kernel; delete its line")
    return wrong


def unkept(kernels: list[Compiled], sources: Iterable[Path]) -> list[str]:
    """Files whose text multiplies matrices on tensor cores, none of whose kernels does."""
    wrong = []
    for source in sources:
        text = source.read_text()
        if "simt::mma_m16n8k" not in text or "SIMT_KERNEL" not in text:
            continue
        words = set(re.findall(r"\w+", text))
        if not any(k.tensor for k in kernels if k.name.split("<")[0] in words):
            wrong.append(f"{source.name}: calls simt::mma_*, but its kernels hold no such code")
    return wrong


def measured(kernels: list[Compiled]) -> Budgets:
    """Budgets that these kernels just keep."""
    budgets: Budgets = {}
    for kernel in sorted(kernels, key=lambda k: (k.name, k.arch)):
        line = budgets.setdefault(kernel.name, {})
        line[kernel.arch] = [kernel.registers, kernel.shared]
        if kernel.tensor:
            line["tensor_cores"] = True
    return budgets


def written(budgets: Budgets) -> str:
    """One line per kernel, so that a diff names what rose."""
    lines = [f"  {json.dumps(name)}: {json.dumps(line)}" for name, line in budgets.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def table(kernels: list[Compiled]) -> str:
    rows = [f"{'kernel':58s} {'arch':7s} registers  shared  tensor"]
    for k in sorted(kernels, key=lambda k: (k.name, k.arch)):
        rows.append(f"{k.name:58s} {k.arch:7s} {k.registers:9d} {k.shared:7d} {k.tensor:7d}")
    return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="Take what was measured as budgets.")
    options = parser.parse_args()
    home = toolkit()
    if home is None:
        print("gates: no CUDA toolkit on this machine, nothing was checked")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        kernels = read(compile_kernels(Path(folder), home), home)
    print(table(kernels))
    if options.write:
        BUDGETS.write_text(written(measured(kernels)))
    wrong = findings(kernels, json.loads(BUDGETS.read_text()))
    wrong += unkept(kernels, sorted(CUDA.glob("*.cuh")))
    print("\n".join(wrong) or f"{len(kernels)} kernels keep their budgets")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

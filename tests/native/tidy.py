"""clang-tidy over the native sources; CUDA files twice, as the device and as the host compile them.

    python tests/native/tidy.py [FILE...]          a part of make gates

The checks are in .clang-tidy. A finding is mended or, where it is none, silenced on its line with the reason:
`// NOLINT(check): why`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from gates import ROOT, toolkit

CLANG_TIDY = Path(sysconfig.get_path("scripts")) / "clang-tidy"
INCLUDES = ["-Icsrc", "-Icsrc/include"]
ROOMS = ("cuda/*.cu", "cpu/*.cpp", "simt/*.cpp", "torch/*.cpp")


def sides(file: Path, home: Path | None, stubs: Path) -> list[tuple[str, list[str]]]:
    """How a file is compiled: (which side, flags)."""
    room = file.parent.name
    if file.suffix == ".cu":
        if home is None:
            return []
        flags = ["-x", "cuda", f"--cuda-path={home}", "--cuda-gpu-arch=sm_90a", "-std=c++17"]
        flags += ["-Wno-unknown-cuda-version", "-isystem", str(stubs), *INCLUDES]
        return [(side, [*flags, f"--cuda-{side}-only"]) for side in ("device", "host")]
    flags = ["-std=c++20", *INCLUDES, f"-isystem{sysconfig.get_path('include')}"]
    if room == "cpu":
        flags += ["-DSTEERX_ISA=baseline", "-DSTEERX_TABLE"]
    if room == "torch":
        import torch.utils.cpp_extension as torch_build

        flags += [f"-isystem{path}" for path in torch_build.include_paths()]
        flags += ["-DTORCH_TARGET_VERSION=0x020b000000000000", "-DPy_LIMITED_API=0x030b0000"]
        flags += ["-DSTEERX_WITH_CUDA"]
    if room == "simt":
        import pybind11

        flags += [f"-isystem{pybind11.get_include()}"]
    return [("host", flags)]


def findings(file: Path, side: str, flags: list[str]) -> str:
    command = [str(CLANG_TIDY), "--quiet", str(file), "--", *flags]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if not run.returncode:
        return ""
    return f"{file} ({side} side)\n{run.stdout.strip() or run.stderr.strip()}"


def unreasoned(files: list[Path]) -> list[str]:
    """Lines that silence a check without its name and a reason."""
    wrong = []
    for file in files:
        for number, line in enumerate(file.read_text().splitlines(), 1):
            if "NOLINT" in line and not re.search(r"NOLINT(NEXTLINE)?\([\w,.\- ]+\): \w+", line):
                wrong.append(f"{file}:{number}: NOLINT(check): why, please: {line.strip()}")
    return wrong


def main() -> int:
    if not CLANG_TIDY.exists():
        print(f"tidy: {CLANG_TIDY} is missing; pip install clang-tidy")
        return 1
    home = toolkit()
    if home is None:
        print("tidy: no CUDA toolkit on this machine, the .cu files are left out")
    csrc = ROOT / "csrc"
    files = [Path(name).resolve() for name in sys.argv[1:]]
    files = files or sorted(file for room in ROOMS for file in csrc.glob(room))
    with tempfile.TemporaryDirectory() as stubs:
        (Path(stubs) / "curand_mtgp32_kernel.h").touch()  # clang's CUDA wrapper asks for it
        work = [(f, *how) for f in files for how in sides(f, home, Path(stubs))]
        with ThreadPoolExecutor(int(os.environ.get("MAX_JOBS", "2"))) as pool:
            said = list(filter(None, pool.map(lambda one: findings(*one), work)))
    said += unreasoned([f for f in csrc.rglob("*") if f.suffix in (".h", ".cpp", ".cu", ".cuh")])
    print("\n".join(said) or f"clang-tidy: {len(files)} files, {len(work)} passes, no findings")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())

"""Builds steerx._C, the native kernels. Everything about the package itself is in pyproject.toml.

Switches, read by the build only:

    STEERX_WITH_NATIVE   0 = pure-Python install; 1 = fail where the library cannot be built; unset = build it
                         where a compiler, Python.h and torch are there, else install without it and say so
    STEERX_WITH_CUDA     auto (default) = compile the CUDA kernels where a toolkit is found; 0; 1 = fail without
    STEERX_CUDA_ARCHS    default "80+PTX;90a"; +PTX also embeds the portable form. nvcc is enough: no GPU is
                         needed, no CUDA build of torch
    CUDA_HOME, CXX, MAX_JOBS (default 2)
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from setuptools import setup

ROOT = Path(__file__).resolve().parent
CSRC = ROOT / "csrc"
CXX = os.environ.get("CXX", "c++")

# One object per instruction set; csrc/include/steerx/isa.h asks the machine for every feature named here.
ISA_FLAGS = {
    "baseline": ["-DSTEERX_TABLE"],
    "avx2": ["-mavx2", "-mfma", "-mf16c"],
    "avx512": [
        *("-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mfma", "-mf16c"),
        "-mprefer-vector-width=512",
    ],
}  # fmt: skip
CPU_FLAGS = [
    "-O3",
    "-std=c++20",
    "-fPIC",
    "-fvisibility=hidden",
    "-fopenmp-simd",
    "-ffp-contract=off",
]
CUDA_FLAGS = [
    *("-O3", "-std=c++17", "-DNDEBUG", "-lineinfo"),
    "-Xcompiler=-fPIC,-fvisibility=hidden",
    # The spill gate: a kernel that spills or falls back to local memory does not build.
    "-Xptxas=--warn-on-spills,--warn-on-local-memory-usage,-Werror",
]


def switch(name: str, default: str, allowed: tuple[str, ...]) -> str:
    """The value of a build switch; another value than the allowed ones ends the build."""
    value = os.environ.get(name, default).lower()
    if value not in allowed:
        sys.exit(f"{name} must be one of {', '.join(filter(None, allowed))}, got {value!r}")
    return value


def obstacle() -> str:
    """Why the native library cannot be built here; empty where it can."""
    if platform.system() != "Linux":
        return f"native kernels are built on Linux, this is {platform.system()}"
    if shutil.which(CXX) is None:
        return f"there is no C++ compiler ({CXX}); install g++ or set CXX"
    if not (Path(sysconfig.get_path("include")) / "Python.h").is_file():
        return "Python.h is missing; install the development package of this Python"
    try:
        import torch.utils.cpp_extension  # noqa: F401
    except ImportError:
        return (
            "torch is not importable; install torch first and use pip install --no-build-isolation"
        )
    return ""


def want_native() -> bool:
    wish = switch("STEERX_WITH_NATIVE", "", ("", "0", "1"))
    if wish == "0":
        return False
    reason = obstacle()
    if reason and wish == "1":
        sys.exit(f"STEERX_WITH_NATIVE=1, but {reason}")
    if reason:
        print(f"steerx: installing without native kernels: {reason}", file=sys.stderr)
    return not reason


def cuda_toolkit() -> Path | None:
    """The toolkit to compile CUDA kernels with, or None. A bare nvcc wrapper on the PATH does not count."""
    wish = switch("STEERX_WITH_CUDA", "auto", ("auto", "0", "1"))
    if wish == "0":
        return None
    for home in (os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH"), "/usr/local/cuda"):
        if home and all((Path(home) / f).is_file() for f in ("bin/nvcc", "include/cuda_runtime.h")):
            return Path(home)
    if wish == "1":
        sys.exit("STEERX_WITH_CUDA=1, but no CUDA toolkit was found; set CUDA_HOME")
    return None


def cuda_archs() -> list[str]:
    return [
        a.strip() for a in os.environ.get("STEERX_CUDA_ARCHS", "80+PTX;90a").split(";") if a.strip()
    ]


def gencode(arch: str) -> str:
    """nvcc's flag of one architecture: "90a" is machine code alone, "80+PTX" also the portable form."""
    number = arch.removesuffix("+PTX")
    code = f"[sm_{number},compute_{number}]" if arch.endswith("+PTX") else f"sm_{number}"
    return f"-gencode=arch=compute_{number},code={code}"


@dataclass(frozen=True)
class Compilation:
    """One object file of the torch-free half."""

    object: Path
    command: list[str]


def torch_free(folder: Path, toolkit: Path | None) -> list[Compilation]:
    """How csrc/cpu is compiled, once per instruction set, and csrc/cuda where there is a toolkit."""
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    isas = ISA_FLAGS if x86 else {"baseline": ISA_FLAGS["baseline"]}
    include, jobs = f"-I{CSRC / 'include'}", []
    for source in sorted((CSRC / "cpu").glob("*.cpp")):
        for isa, flags in isas.items():
            target = folder / f"{source.stem}.{isa}.o"
            command = [CXX, *CPU_FLAGS, f"-DSTEERX_ISA={isa}", *flags, include]
            jobs.append(Compilation(target, [*command, "-c", str(source), "-o", str(target)]))
    if toolkit:
        command = [str(toolkit / "bin/nvcc"), *CUDA_FLAGS, *map(gencode, cuda_archs()), include]
        command.append(f"-I{CSRC}")  # the dialect, simt/simt.h
        for source in sorted((CSRC / "cuda").glob("*.cu")):
            target = folder / f"{source.stem}.cuda.o"
            jobs.append(Compilation(target, [*command, "-c", str(source), "-o", str(target)]))
    return jobs


def compile_all(jobs: list[Compilation]) -> list[str]:
    """Compile from scratch, always: a second a file is cheaper than a stale object of other flags."""

    def one(job: Compilation) -> str:
        job.object.parent.mkdir(parents=True, exist_ok=True)
        print(*job.command)
        subprocess.run(job.command, check=True)
        return str(job.object)

    with ThreadPoolExecutor(int(os.environ.get("MAX_JOBS", "2"))) as pool:
        return list(pool.map(one, jobs))


def native() -> dict[str, Any]:
    """Arguments of setup() that build the library: torch's builder for csrc/torch, the rest by hand."""
    from torch.utils.cpp_extension import BuildExtension, CppExtension

    toolkit = cuda_toolkit()
    defines = ["-DTORCH_TARGET_VERSION=0x020b000000000000"]
    # libtorch leads the loader to libtorch_cuda where there is one: the stream getter lives there.
    links = ["-Wl,--no-as-needed,-ltorch,--as-needed"]
    if toolkit:
        # No quotes or semicolons: torch's builder hands these flags to a shell.
        defines += ["-DSTEERX_WITH_CUDA", f"-DSTEERX_CUDA_ARCHS={','.join(cuda_archs())}"]
        # Static, so that the library neither needs a CUDA build of torch nor ties it to one CUDA major.
        links += [str(toolkit / "lib64/libcudart_static.a"), "-ldl", "-lrt", "-lpthread"]

    class Build(BuildExtension):  # type: ignore[misc, valid-type, unused-ignore]
        def build_extension(self, ext: Any) -> None:
            self.force = True  # the linker's inputs are not all known to setuptools
            folder = Path(self.build_temp).resolve() / "torch_free"
            ext.extra_objects = compile_all(torch_free(folder, toolkit))
            super().build_extension(ext)

    os.environ.setdefault("MAX_JOBS", "2")
    extension = CppExtension(
        "steerx._C",
        sorted(str(p.relative_to(ROOT)) for p in (CSRC / "torch").glob("*.cpp")),
        include_dirs=[str(CSRC / "include")],
        depends=sorted(str(p.relative_to(ROOT)) for p in CSRC.rglob("*.h")),
        py_limited_api=True,
        extra_compile_args={"cxx": ["-O3", "-g0", "-fvisibility=hidden", *defines]},
        extra_link_args=links,
    )
    return {
        "ext_modules": [extension],
        "cmdclass": {"build_ext": Build},
        "options": {"bdist_wheel": {"py_limited_api": "cp311"}},
    }


if __name__ == "__main__":
    arguments = native() if want_native() else {"options": {}}
    arguments["options"]["build"] = {"build_base": "build/setuptools"}
    setup(**arguments)

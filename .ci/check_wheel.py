"""Is a wheel what its name promises? Run beside FOLDER/*.whl and FOLDER/site, outside the source tree."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

KINDS = {  # folder: tag of the wheel, who answers edit_styles on the CPU, and on CUDA
    "pure": ("py3-none-any", "reference", "reference"),
    "fallback": ("py3-none-any", "reference", "reference"),
    "cpu": ("cp311-abi3-linux", "native", "reference"),
    "cuda": ("cp311-abi3-linux", "native", "native"),
}


def check_symbols(library: Path) -> None:
    """Only the limited API of Python and torch's stable C interface may be asked of the outside."""
    run = subprocess.run(
        ["nm", "-D", "--undefined-only", str(library)], capture_output=True, text=True, check=True
    )
    names = [line.split()[-1].split("@")[0] for line in run.stdout.splitlines()]
    python = [n for n in names if n.startswith(("Py", "_Py"))]
    assert python == ["PyModule_Create2"], python
    torch = [n for n in names if any(word in n for word in ("3c10", "2at", "5torch"))]
    assert not torch, f"C++ symbols of torch, which no version promises: {torch[:5]}"


def main(kind: str) -> None:
    folder = Path(kind).resolve()
    tag, on_cpu, on_cuda = KINDS[kind]
    (wheel,) = folder.glob("*.whl")
    assert tag in wheel.name, f"{wheel.name}: expected {tag}"
    libraries = list((folder / "site/steerx").glob("_C*"))
    assert [p.name for p in libraries] == (["_C.abi3.so"] if on_cpu == "native" else [])
    assert (folder / "site/steerx/py.typed").is_file()
    for library in libraries:
        check_symbols(library)

    sys.path.insert(0, str(folder / "site"))
    import torch

    import steerx
    from steerx import ops

    assert Path(steerx.__file__).is_relative_to(folder), steerx.__file__
    answers = ops.backend("edit_styles"), ops.backend("edit_styles", "cuda")
    assert answers == (on_cpu, on_cuda), answers
    base, steps, rows = torch.randn(3, 5), torch.randn(2, 5), torch.tensor([2, 0])
    edited = ops.edit_styles(base, steps, torch.tensor([0.5, 2.0]), rows, rows // 2)
    assert torch.equal(edited, base[rows] + torch.tensor([[0.5], [2.0]]) * steps[rows // 2])
    weights = sorted(p.name for p in (folder / "site/steerx").rglob("*.safetensors"))
    size = wheel.stat().st_size / 1e6
    print(f"{wheel.name}: {size:.2f} MB, weights {weights}, {ops.build_info()}")


if __name__ == "__main__":
    main(sys.argv[1])

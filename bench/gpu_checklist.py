"""What only a GPU can answer: the first-run checklist, one function per line; each raises where the answer is wrong."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.gpu_device import Device, ulps
from steerx import ops
from steerx.ops._epilogue import SCHEMA, epilogue, makes_rgb
from steerx.ops._epilogue import reference as epilogue_reference
from steerx.ops._library import has_kernel
from steerx.rendering import is_out_of_memory
from tests.ops.tolerance import as_good_as_torch, in_dtype

ROOT = Path(__file__).resolve().parents[1]
Answer = dict[str, Any]
SMALLEST = """
import torch, steerx
from bench.gpu_checklist import agreement
from bench.gpu_device import Device
print(agreement(Device({name!r}, 1)))
"""
FORKS = """
import os, torch, steerx
from steerx import ops
child = os.fork()
if child == 0:
    args = ops.REGISTRY["edit_styles"].example(torch.Generator())
    found = ops.edit_styles(*(a.to({name!r}) for a in args)).cpu()
    os._exit(0 if torch.allclose(found, ops.edit_styles(*args)) else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
FIRST = """
import torch
from steerx import ops
args = ops.REGISTRY["edit_styles"].example(torch.Generator())
found = torch.ops.steerx.edit_styles(*(torch.as_tensor(a, device={name!r}) for a in args))
assert torch.allclose(found.cpu(), ops.edit_styles(*args))
"""


def expect(holds: bool, said: str) -> None:
    if not holds:
        raise AssertionError(said)


def script(text: str, device: Device) -> None:
    """Run Python in a process of its own."""
    run = subprocess.run(
        [sys.executable, "-c", text.format(name=device.name)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    expect(run.returncode == 0, (run.stderr.strip() or f"exit status {run.returncode}")[-400:])


def tail(device: Device, dtype: torch.dtype, sizes: tuple[int, ...], blur: bool) -> dict[str, Any]:
    """Arguments of `_epilogue` in which every part is alive, its outputs NaN."""
    n, h, w, o = sizes
    random = torch.Generator().manual_seed(5)

    def normal(*shape: int, like: torch.dtype = torch.float32) -> Tensor:
        return torch.empty(shape).normal_(generator=random).to(device.name, like)

    x = normal(n, h + 1, w + 1, o, like=dtype) if blur else normal(n, h, w, o, like=dtype)
    pictured = not blur and makes_rgb(dtype, o) and h % 2 == w % 2 == 0
    parts: dict[str, Any] = {
        "demodulation": normal(n, o).abs(), "bias": normal(o), "noise": normal(n, h, w),
        "noise_strength": normal(), "clamp": 2.0, "next_style": normal(n, o),
        "blur": [0.25, 0.75, 0.75, 0.25] if blur else None,
    }  # fmt: skip
    parts |= {k: torch.full((n, h, w, o), float("nan")).to(x) for k in ("y", "styled")}
    if pictured:
        parts |= {
            "rgb_weight": normal(n, 3, o), "rgb_bias": normal(3), "rgb_clamp": 1.5,
            "skip": normal(n, h // 2, w // 2, 3), "skip_taps": [0.25, 0.75, 0.75, 0.25],
            "rgb": torch.full((n, h, w, 3), float("nan"), device=device.name),
        }  # fmt: skip
    return {"x": x, **parts}


def outputs(parts: dict[str, Any]) -> list[Tensor]:
    return [parts[key] for key in ("y", "styled", "rgb") if key in parts]


def referred(parts: dict[str, Any], dtype: torch.dtype) -> list[Tensor]:
    """What the reference makes of the same arguments in a dtype."""
    wide = dtype == torch.float64
    own = {k: v.cpu().to(dtype) if isinstance(v, Tensor) and wide else v for k, v in parts.items()}
    own |= {k: torch.empty_like(own[k]) for k in ("y", "styled", "rgb") if k in own}
    order = SCHEMA.split("(", 1)[1].split(") ->")[0].split(", ")
    names = [argument.split()[-1] for argument in order]
    absent = {"shuffled": False, "noise_key": 0, "slope": 0.2, "gain": 2**0.5}
    epilogue_reference(*(own.get(name, absent.get(name)) for name in names))
    return outputs(own)


def registration(device: Device) -> Answer:
    """The CUDA kernels are there, and made for this GPU."""
    info = ops.build_info()
    names = {op.removeprefix("steerx::").split(".")[0] for op in torch._C._dispatch_get_all_op_names()
             if op.startswith("steerx::")}  # fmt: skip
    found = sorted(name for name in names if has_kernel(name, "CUDA"))
    answer: Answer = {"kernels": found, "library": info}
    if device.real:
        from steerx.ops._backend import built_for

        capability = torch.cuda.get_device_capability()
        answer |= {"capability": list(capability), "cudnn": torch.backends.cudnn.version()}
        expect("_epilogue" in found, f"no CUDA kernels in {info}")
        expect(built_for(info["archs"], capability), f"built for {info['archs']}")
    return answer


def several(result: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (result,) if isinstance(result, Tensor) else result


def agreement(device: Device) -> Answer:
    """Every kernel against its reference in float64, by the tests' own rule; tensor-core layouts with it."""
    judged = 0
    for name, operator in ops.REGISTRY.items():
        for dtype in (torch.float32, torch.float16, torch.bfloat16):
            args = in_dtype(operator.example(torch.Generator().manual_seed(3)), dtype)
            there = [a.to(device.name) if isinstance(a, Tensor) else a for a in args]
            results = (
                operator.call(*there),
                operator.reference(*there),
                operator.reference(*in_dtype(args, torch.float64)),
            )
            try:
                for three in zip(*map(several, results), strict=True):
                    as_good_as_torch(*three)
                    judged += 1
            except AssertionError as error:
                raise AssertionError(f"{name}, {dtype}: {error}") from None
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        for sizes in ((2, 10, 6, 16), (1, 34, 70, 64), (3, 2, 2, 5)):
            for blur in (False, True):
                parts = tail(device, dtype, sizes, blur)
                plain, truth = referred(parts, dtype), referred(parts, torch.float64)
                epilogue(**parts)
                for ours, own, true in zip(outputs(parts), plain, truth, strict=True):
                    as_good_as_torch(ours, own, true)
                    judged += 1
    return {"comparisons": judged}


def runtimes(device: Device, calls: int) -> Answer:
    """The static runtime beside torch's: before its first use, after it, interleaved; nothing leaks."""
    script(FIRST, device)
    args = ops.REGISTRY["edit_styles"].example(torch.Generator())
    there = [a.to(device.name) for a in args]
    truth = ops.edit_styles(*there)
    before = device.free()
    for _ in range(calls):
        found = torch.ops.steerx.edit_styles(*there)
        expect(torch.equal(found + 0 * found.sum(), truth), "a call between torch's differs")
    lost = before - device.free()
    expect(not device.real or lost < 64 << 20, f"{lost} bytes of memory are gone")
    return {"calls": calls, "bytes_lost": lost if device.real else 0}


def streams(device: Device) -> Answer:
    """A kernel waits for its own stream and for no other; the second device while the first is current."""
    parts = tail(device, torch.float32, (1, 64, 64, 32), False)
    given = parts["x"].clone()
    expected = referred(parts, torch.float32)
    parts["x"].zero_()
    device.synchronize()
    with device.side_stream():
        device.busy()
        parts["x"].copy_(given)  # arrives late: a kernel on another stream would read zeros
        epilogue(**parts)
        if device.real:
            parts["x"].record_stream(torch.cuda.current_stream())
    device.synchronize()
    for ours, true in zip(outputs(parts), expected, strict=True):
        expect(torch.allclose(ours, true, rtol=1e-4, atol=1e-4), "the side stream is not honoured")
    devices = torch.cuda.device_count() if device.real else 1
    if devices > 1:
        args = ops.REGISTRY["edit_styles"].example(torch.Generator())
        found = torch.ops.steerx.edit_styles(*(a.to("cuda:1") for a in args))
        expect(torch.allclose(found.cpu(), ops.edit_styles(*args)), "wrong on device 1")
    return {"devices": devices}


def graphs(device: Device) -> Answer:
    """Recording a kernel neither waits nor allocates outside the pool; a replay equals the eager run."""
    base, steps, alphas, sources, directions = (
        a.to(device.name) for a in ops.REGISTRY["edit_styles"].example(torch.Generator())
    )
    out = torch.zeros(len(sources), base.shape[1], device=device.name)
    row = (alphas, sources, directions)
    replay = device.recorded(lambda: out.copy_(torch.ops.steerx.edit_styles(base, steps, *row)))
    for change in (1.0, 2.5):
        base.mul_(change)
        replay()
        device.synchronize()
        expect(torch.equal(out, torch.ops.steerx.edit_styles(base, steps, *row)), "edit_styles")
    for blur in (False, True):
        parts = tail(device, torch.float16, (2, 10, 6, 16), blur)
        replay = device.recorded(lambda parts=parts: epilogue(**parts))  # type: ignore[misc]
        parts["x"].mul_(0.5)
        replay()
        device.synchronize()
        replayed = [tensor.clone() for tensor in outputs(parts)]
        epilogue(**parts)
        expect(all(map(torch.equal, replayed, outputs(parts))), f"_epilogue, blur {blur}")
    return {"recordings": 3}


def fork(device: Device) -> Answer:
    """Importing steerx starts nothing on the device: a child made by fork may use it."""
    script(FORKS, device)
    return {}


def big(device: Device, elements: int) -> Answer:
    """More elements than 32 bits count, more rows than a grid's axes have blocks."""
    if device.real and device.free() < 8 * elements:
        return {"skipped": f"{device.free() >> 30} GiB free, {8 * elements >> 30} wanted"}
    width = 4104
    rows = elements // width + 1
    base, steps = (torch.randn(2, width, device=device.name, dtype=torch.float16) for _ in "ab")
    alphas = torch.linspace(-2, 2, rows, device=device.name, dtype=torch.float16)
    index = torch.arange(rows, device=device.name) % 2
    found = torch.ops.steerx.edit_styles(base, steps, alphas, index, index)
    last = slice(rows - 5, rows)
    own = (base.float(), steps.float(), alphas[last].float(), index[last], index[last])
    expect(torch.allclose(found[last].float(), ops.edit_styles(*own), atol=0.01), "last rows")
    expect(bool(found.isfinite().all()), "an element was not written")
    del found
    side = int((elements / 16) ** 0.5) // 2 * 2 + 2
    many = elements // 30_000 + 3
    for sizes in ((1, side, side, 16), (many, 1, 1, 8)):
        x = torch.randn(sizes, device=device.name, dtype=torch.float16)
        y = torch.full_like(x, float("nan"))
        epilogue(x, y=y)
        expect(bool(y.isfinite().all()), f"{sizes}: an element was not written")
        end, z = y.flatten()[-99:].float(), x.flatten()[-99:].float()
        expect(torch.allclose(end, torch.where(z < 0, 0.2 * z, z) * 2**0.5, atol=0.01), f"{sizes}")
    return {"rows": rows, "elements": rows * width}


def out_of_memory(device: Device) -> Answer:
    """After a call that does not fit, the next one works."""
    args = [a.to(device.name) for a in ops.REGISTRY["edit_styles"].example(torch.Generator())]
    index = torch.zeros(1, dtype=torch.int64, device=device.name).expand(1 << 40)
    try:
        torch.ops.steerx.edit_styles(args[0], args[1], args[2][:1].expand(1 << 40), index, index)
    except (RuntimeError, MemoryError) as error:
        said = error
    else:
        raise AssertionError("terabytes fitted")
    found, truth = ops.edit_styles(*args).cpu(), ops.edit_styles(*(a.cpu() for a in args))
    expect(torch.allclose(found, truth), "the next call is wrong")
    return {"recognised": is_out_of_memory(said), "said": str(said)[:200]}


def simt(device: Device) -> Answer:
    """How far the CPU's runs can be trusted: the largest difference to the device in ulps, of each number and
    of the largest (sums near zero have lost their digits on both sides)."""
    name = "steerx_simt" + str(sysconfig.get_config_var("EXT_SUFFIX"))
    built = sorted((ROOT / "build").rglob(name), key=lambda path: path.stat().st_mtime)
    if not built:
        return {"skipped": "steerx_simt is not built; make cmake"}
    spec = importlib.util.spec_from_file_location("steerx_simt", built[-1])
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path.insert(0, str(ROOT))
    from tests.simt.arrays import array

    found: dict[str, Answer] = {}
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        for blur in (False, True):
            parts = tail(device, dtype, (2, 18, 34, 16), blur)
            here = {k: v.cpu().clone() if isinstance(v, Tensor) else v for k, v in parts.items()}
            epilogue(**parts)
            x, taps = here.pop("x"), here.pop("blur")
            here["noise_strength"] = here["noise_strength"].view(1)
            here |= {"taps": taps} if blur else {}
            given = {k: array(v) if isinstance(v, Tensor) else v for k, v in here.items()}
            kernel = "upsample_epilogue" if blur else "style_epilogue"
            getattr(module, kernel)(str(dtype).removeprefix("torch."), array(x), given)
            for key in ("y", "styled", "rgb"):
                if key in here:
                    there = parts[key].cpu()
                    apart = (here[key].double() - there.double()).abs().max()
                    step = torch.finfo(there.dtype).eps * there.double().abs().max()
                    found[f"{kernel}, {dtype}, {key}"] = {
                        "ulps": ulps(here[key], there), "ulps_of_largest": float(apart / step),
                    }  # fmt: skip
    return {"differences": found}


def suite(device: Device) -> Answer:
    """`pytest -m cuda`, where a missing device is a failure."""
    environment = {**os.environ, "FAIL_WITHOUT_CUDA": "1" if device.real else "0"}
    where = "tests" if device.real else "tests/ops/test_edit_styles.py"
    command = [sys.executable, "-m", "pytest", "-q", "-m", "cuda", "-p", "no:cacheprovider", where]
    run = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=150, check=False
    )
    said = (run.stdout.strip().splitlines() or [run.stderr[-300:]])[-1]
    expect(run.returncode == 0, said)
    return {"said": re.sub(r" in [\d.]+s.*", "", said)}


def sanitizer(device: Device, seconds: int) -> Answer:
    """compute-sanitizer's four tools over the comparisons of `agreement`; survives without it."""
    program = shutil.which("compute-sanitizer")
    if program is None:
        return {"skipped": "no compute-sanitizer on the PATH"}
    answer: Answer = {}
    environment = {**os.environ, "PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}
    for tool in ("memcheck", "racecheck", "initcheck", "synccheck"):
        command = [program, "--tool", tool, "--error-exitcode", "9", sys.executable, "-c"]
        command.append(SMALLEST.format(name=device.name))
        try:
            run = subprocess.run(
                command,
                cwd=ROOT,
                env=environment,
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            answer[tool] = f"not done in {seconds} s"
            continue
        expect(run.returncode == 0, f"{tool}: {run.stdout.decode()[-400:]}")
        answer[tool] = "clean"
    return answer

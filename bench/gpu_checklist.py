"""What only a GPU can answer: the first-run checklist, one function per line; each raises where the answer is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from bench.gpu_arguments import Parts, moved, normal, outputs, plain, tail, whole
from bench.gpu_device import Device
from bench.gpu_process import script
from steerx import ops
from steerx.ops import _whole_layer
from steerx.ops._epilogue import epilogue, tail_values
from steerx.ops._library import has_kernel
from steerx.ops._moments import moments
from steerx.ops._weight_covariance import weight_covariance
from steerx.ops._whole_layer import whole_layer
from steerx.rendering import is_out_of_memory

Answer = dict[str, Any]
# What the library registers on CUDA; `.ci/check_cuda_torch` asks for the same.
KERNELS = ("_epilogue", "_moments", "_weight_covariance", "_whole_layer", "edit_styles", "eigh")
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
        missing = set(KERNELS) - set(found)
        expect(not missing, f"no CUDA kernels of {', '.join(sorted(missing))} in {info}")
        expect(built_for(info["archs"], capability), f"built for {info['archs']}")
    return answer


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
    for name, work, parts in (
        ("_epilogue", epilogue, tail(device.name, torch.float32, (1, 64, 64, 32), False)),
        ("_whole_layer", whole_layer, half_layer(device, 1)),
        ("_whole_layer, up 2", whole_layer, half_layer(device, 2)),
    ):
        given, expected = parts["x"].clone(), plain(parts)
        parts["x"].zero_()
        device.synchronize()
        with device.side_stream():
            device.busy()
            parts["x"].copy_(given)  # arrives late: a kernel on another stream would read zeros
            work(**parts)
            if device.real:
                parts["x"].record_stream(torch.cuda.current_stream())
        device.synchronize()
        for ours, true in zip(outputs(parts), expected, strict=True):
            same = torch.allclose(ours.cpu().float(), true.float(), rtol=0.01, atol=0.05)
            expect(same, f"{name}: the side stream is not honoured")
    devices = torch.cuda.device_count() if device.real else 1
    if devices > 1:
        args = ops.REGISTRY["edit_styles"].example(torch.Generator())
        found = torch.ops.steerx.edit_styles(*(a.to("cuda:1") for a in args))
        expect(torch.allclose(found.cpu(), ops.edit_styles(*args)), "wrong on device 1")
        parts = half_layer(device, 1)
        there = moved(parts, "cuda:1")
        for either in (parts, there):
            whole_layer(**either)
        same = all(map(torch.equal, outputs(moved(there, "cpu")), outputs(moved(parts, "cpu"))))
        expect(same, "_whole_layer: wrong on device 1")
    return {"devices": devices}


def half_layer(device: Device, up: int) -> Parts:
    return whole(device.name, torch.float16, (2, 10, 18, 24, 32), up, True)


def graphs(device: Device) -> Answer:
    """Recording a kernel neither waits nor allocates outside the pool; a replay equals the eager run."""
    base, steps, alphas, sources, directions = (
        a.to(device.name) for a in ops.REGISTRY["edit_styles"].example(torch.Generator())
    )
    random = torch.Generator().manual_seed(2)
    x, a, weights = (normal(random, *s).to(device.name) for s in ((300, 70), (3, 33, 33), (9, 70)))
    sums = torch.zeros(71, 70, dtype=torch.float64, device=device.name)

    def edited() -> tuple[Tensor, ...]:
        return (torch.ops.steerx.edit_styles(base, steps, alphas, sources, directions),)

    def summed() -> tuple[Tensor, ...]:
        sums.zero_()
        moments(x, x[0], sums[0], sums[1:])
        return (sums,)

    works: dict[str, tuple[Tensor, Callable[[], tuple[Tensor, ...]]]] = {
        "edit_styles": (base, edited),
        "eigh": (a, lambda: ops.eigh(a)),
        "_moments": (x, summed),
        "_weight_covariance": (weights, lambda: (weight_covariance([weights, weights]),)),
    }
    for blur in (False, True):
        parts = tail(device.name, torch.float16, (2, 10, 6, 16), blur)
        works[f"_epilogue, blur {blur}"] = (parts["x"], written(epilogue, parts))
    for up in (1, 2):
        parts = half_layer(device, up)
        works[f"_whole_layer, up {up}"] = (parts["x"], written(whole_layer, parts))
    for name, (given, work) in works.items():
        kept: list[tuple[Tensor, ...]] = []
        replay = device.recorded(lambda work=work, kept=kept: kept.append(work()))  # type: ignore[misc]
        for change in (1.0, 0.5):
            given.mul_(change)
            replay()
            device.synchronize()
            replayed = [tensor.clone() for tensor in kept[-1]]
            expect(all(map(torch.equal, replayed, work())), f"{name}: a replay is another result")
    return {"recordings": len(works)}


def written(work: Callable[..., None], parts: Parts) -> Callable[[], tuple[Tensor, ...]]:
    """Work that writes into its parts, as work that returns them."""

    def run() -> tuple[Tensor, ...]:
        work(**parts)
        return tuple(outputs(parts))

    return run


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
    big_tails(device, elements)
    big_layers(device, elements)
    many = 70_000 if device.real else 70  # more matrices than a grid's second axis has blocks
    a = normal(torch.Generator().manual_seed(1), 4, 8, 8).to(device.name).repeat(many // 4, 1, 1)
    for part in ops.eigh(a):
        expect(torch.allclose(part[-4:], part[:4], atol=1e-4), "eigh: the last matrices")
    ones = torch.ones(elements // 64 + 1, 64, dtype=torch.float16, device=device.name)
    sums = torch.zeros(65, 64, dtype=torch.float64, device=device.name)
    moments(ones, None, sums[0], sums[1:])
    expect(bool((sums == len(ones)).all()), "_moments: rows are missing")
    return {"elements": rows * width}


def big_tails(device: Device, elements: int) -> None:
    """`_epilogue` of one picture too large for 32 bits, and of more samples than a grid's axis has blocks."""
    side = int((elements / 16) ** 0.5) // 2 * 2 + 2
    for sizes in ((1, side, side, 16), (elements // 30_000 + 3, 1, 1, 8)):
        x = torch.randn(sizes, device=device.name, dtype=torch.float16)
        y = torch.full_like(x, torch.nan)
        epilogue(x, y=y)
        expect(bool(y.isfinite().all()), f"_epilogue, {sizes}: an element was not written")
        end, z = y.flatten()[-99:].float(), x.flatten()[-99:].float()
        true = torch.where(z < 0, 0.2 * z, z) * 2**0.5
        expect(torch.allclose(end, true, atol=0.01), f"_epilogue, {sizes}: the last elements")


def big_layers(device: Device, elements: int) -> None:
    """`_whole_layer`, the same; its last rows against those of the picture's end alone."""
    weight = normal(torch.Generator().manual_seed(1), 16, 3, 3, 16).to(device.name).half() / 12
    blur = [0.25, 0.75, 0.75, 0.25]
    side = int((elements / 16) ** 0.5) // 2 + 1
    samples = elements // 30_000 + 3
    for up, sizes in (
        (1, (1, 2 * side, 2 * side)), (1, (samples, 2, 2)), (2, (1, side, side)), (2, (samples, 1, 2)),
    ):  # fmt: skip
        x = torch.randn(*sizes, 16, device=device.name, dtype=torch.float16)
        n, h, w = sizes
        y = torch.full((n, h * up, w * up, 16), torch.nan, dtype=x.dtype, device=device.name)
        whole_layer(x, weight, blur=blur if up == 2 else None, y=y)
        said = f"_whole_layer, up {up}, {sizes}"
        expect(bool(y.isfinite().all()), f"{said}: an element was not written")
        end = x[-1:, -8:].contiguous()
        true = torch.empty(1, end.shape[1] * up, w * up, 16, dtype=x.dtype, device=device.name)
        _whole_layer.reference(
            end, None, weight, blur if up == 2 else None,
            *tail_values("_whole_layer", {"y": true}),
        )  # fmt: skip
        last = min(4, h)
        close = torch.allclose(y[-1, -last:].float(), true[0, -last:].float(), 0.01, 0.02)
        expect(close, f"{said}: the last rows")


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

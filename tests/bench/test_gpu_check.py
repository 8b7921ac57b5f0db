"""bench.gpu_check rehearsed on the CPU: every step runs, and says so where something is wrong."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bench import gpu_agreement, gpu_check, gpu_checklist, gpu_peers, gpu_plan, gpu_targets
from bench.gpu_device import Device, ulps
from steerx import ops

CPU = Device("cpu", 1)
ROOT = Path(__file__).resolve().parents[2]
BESIDE = {"simt", "profile", "sanitizer", "stylegan2_ada", "tensorrt"}  # may not be installed


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("gpu")
    assert gpu_check.main(["--rehearse", "--out", str(folder)]) == 0
    found: dict[str, Any] = json.loads((folder / "rehearsal.json").read_text())
    return found


def test_every_step_is_rehearsed(rehearsal: dict[str, Any]) -> None:
    steps = rehearsal["steps"]
    assert list(steps) == list(gpu_check.steps(CPU))
    assert {n for n, s in steps.items() if s["status"] == "skipped"} <= BESIDE
    assert all(s["status"] == "passed" for n, s in steps.items() if n not in BESIDE)
    assert rehearsal["rehearsal"] is True and rehearsal["gpu"] is None
    assert rehearsal["targets"] == []  # a CPU reaches and misses none of them


def test_the_questions_are_answered_in_numbers(rehearsal: dict[str, Any]) -> None:
    steps = rehearsal["steps"]
    assert {row["faster"] for row in steps["upsampling"]["rows"]} <= {"transposed", "dense"}
    assert len(steps["upsampling"]["rows"]) == 4  # 8 and 16 px, two batches
    assert len(steps["whole_layers"]["rows"]) == 8  # two layers each
    assert all(row["style_epilogue"]["GB/s"] > 0 for row in steps["bandwidth"]["sizes"])
    errors = steps["precision"]["against_float64"]
    assert errors["fused, float16"]["relative_L2"] > errors["fused, float32"]["relative_L2"]
    assert {row["batch"] for row in steps["pictures"]["rows"]} == {1, 2}
    assert "fused, measured, whole, graphs" in steps["pictures"]["rows"][0]["ms"]
    mined = steps["mining"]
    assert all(set(gpu_targets.KERNELS[k](steps)[0]) >= {"ratio"} for k in gpu_targets.KERNELS)
    tables = [steps[n]["rows"] for n in ("whole_layers", "pictures", "compiled")]
    tables += [mined["eigh"]["rows"], [mined["components"]], [mined["weight_covariance"]]]
    assert all(row["ratio"] > 0 for rows in tables for row in rows)
    assert set(steps["agreement"]["of"]) >= {
        "_epilogue", "_whole_layer, up 1", "_whole_layer, up 2", "_moments", "_weight_covariance",
        "eigh", "fragments", *ops.REGISTRY,
    }  # fmt: skip


def shifted(own: Callable[..., Any], key: str) -> Callable[..., Any]:
    """A kernel whose last element is wrong."""

    def wrong(*args: Any, **parts: Any) -> Any:
        found = own(*args, **parts)
        result = parts.get(key) if found is None else found
        target = args[-1] if result is None else result
        target = target[0] if isinstance(target, tuple) else target
        if target is not None:
            target.view(-1)[-1] += 1
        return found

    return wrong


@pytest.mark.parametrize(
    "kernel, said",
    [
        ("epilogue", "_epilogue, torch.float16, "),
        ("whole_layer", "_whole_layer, torch.float16, .* up 1, style True"),
        ("moments", "_moments, torch.float32, "),
        ("weight_covariance", "_weight_covariance, D = 65, normalize True"),
    ],
)
def test_a_wrong_kernel_is_named(kernel: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    own = getattr(gpu_agreement, kernel)
    monkeypatch.setattr(gpu_agreement, kernel, shifted(own, "y"))
    with pytest.raises(AssertionError, match=said):
        gpu_agreement.agreement(CPU, small=True)


def test_a_wrong_eigenvalue_and_a_fragment_out_of_place_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(ops, "eigh", shifted(ops.eigh, ""))
        with pytest.raises(AssertionError, match="eigh, random, n = 17"):
            list(gpu_agreement.eigenproblems(CPU, small=True))
    monkeypatch.setattr(gpu_agreement, "whole_layer", shifted(gpu_agreement.whole_layer, "y"))
    with pytest.raises(AssertionError, match=r"1 of 10368 whole numbers are wrong"):
        list(gpu_agreement.fragments(CPU, small=True))


def test_where_one_step_fails_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(gpu_agreement, "epilogue", shifted(gpu_agreement.epilogue, "y"))
    for name in ("epilogue", "whole_layer"):
        monkeypatch.setattr(gpu_checklist, name, shifted(getattr(gpu_checklist, name), "y"))
    only = "agreement,streams,big,out_of_memory"
    assert gpu_check.main(["--rehearse", "--out", str(tmp_path), "--only", only]) == 1
    steps = json.loads((tmp_path / "rehearsal.json").read_text())["steps"]
    status = {name: step["status"] for name, step in steps.items()}
    assert status == {
        "agreement": "failed", "streams": "failed", "big": "failed", "out_of_memory": "passed",
    }  # fmt: skip
    assert "AssertionError" in steps["agreement"]["error"] and steps["agreement"]["at"]


def test_after_a_fault_on_the_device_steps_have_processes_of_their_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Device, "alive", lambda self: False)
    calls = []

    def apart(device: Device, module: str, function: str, way: dict[str, Any], s: float) -> Any:
        calls.append((module, way["name"]))
        return getattr(sys.modules[module], function)(device, **way)

    monkeypatch.setattr(gpu_check, "apart", apart)
    only = "graphs,streams,big"
    assert gpu_check.main(["--rehearse", "--out", str(tmp_path), "--only", only]) == 0
    assert calls == [("bench.gpu_check", "streams"), ("bench.gpu_check", "big")]
    steps = json.loads((tmp_path / "rehearsal.json").read_text())["steps"]
    assert [step["status"] for step in steps.values()] == ["passed"] * 3


def test_a_wrong_side_is_named_and_not_timed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu_plan, "whole_layer", lambda x, weight, **parts: None)  # writes nothing
    assert gpu_check.main(["--rehearse", "--only", "whole_layers"]) == 1
    assert "8 px, 16 -> 16, up 2, batch 1: steerx differs by" in capsys.readouterr().out
    row = gpu_plan.whole_layers(CPU, 16, (1,))["rows"][0]
    assert set(row["ms"]) == {"transposed", "dense"} and "ratio" not in row


def test_what_the_time_does_not_suffice_for_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu_check, "SECONDS", -1)
    assert gpu_check.main(["--rehearse", "--only", "fork,big"]) == 0
    assert capsys.readouterr().out.count("no time was left for it") == 2


def test_without_a_gpu_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu_check.main([]) == 1
    assert "--rehearse" in capsys.readouterr().out


def test_a_gpu_on_which_nothing_runs_still_gives_a_table(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU on which things run")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA Broken 1")
    assert not Device("cuda", 1).alive()
    monkeypatch.setattr(Device, "alive", lambda self: True)
    only = "bandwidth,mining,stylegan2_ada"
    assert gpu_check.main(["--only", only, "--out", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    unknown = len(gpu_targets.TARGETS) + len(gpu_targets.KERNELS)
    assert said.count(" failed ") == 2 and said.count("not measured") == unknown
    result = json.loads((tmp_path / "nvidia-broken-1.json").read_text())
    assert {row["verdict"] for row in result["targets"]} == {"not measured"}
    assert "--stylegan2-ada FOLDER" in result["steps"]["stylegan2_ada"]["skipped"]


def test_a_child_that_fails_fails_the_step() -> None:
    with pytest.raises(AssertionError, match="no-such-device"):
        gpu_checklist.fork(Device("no-such-device", 1))


def test_every_kernel_that_is_bound_is_asked_for() -> None:
    text = "".join(path.read_text() for path in (ROOT / "csrc" / "torch").glob("*.cpp"))
    cuda = re.findall(r"_IMPL\(steerx, CUDA, m\) \{(.*?)\n\}", text, re.DOTALL)
    bound = [name for body in cuda for name in re.findall(r'm\.impl\("(\w+)"', body)]
    assert sorted(bound) == sorted(gpu_checklist.KERNELS)
    assert "gpu_checklist import KERNELS" in (ROOT / ".ci" / "check_cuda_torch").read_text()


def test_targets_are_reached_missed_or_not_measured() -> None:
    assert {row["verdict"] for row in gpu_targets.table({})} == {"not measured"}
    ada = [{"batch": 1, "tuned / steerx": 2.5}, {"batch": 8, "tuned / steerx": 2.5}]
    components = {"ratio": 0.95, "growth": 3.9}
    steps: dict[str, Any] = {
        "stylegan2_ada": {"status": "passed", "plugins": {"bias_act": True}, "rows": ada},
        "pictures": {"rows": [{"batch": 8, "share_of_floor": 0.5}]},
        "mining": {
            "eigh": {
                "rows": [{"n": 8, "ratio": 3.0}, {"n": 64, "ratio": 0.9}, {"n": 512, "ratio": 1.0}]
            },
            "components": components,
        },
    }
    verdicts = [row["verdict"] for row in gpu_targets.table(steps)]
    assert verdicts == [
        "reached", "missed", "missed", "reached", "missed", "reached", "missed",
    ]  # fmt: skip
    said = [gpu_targets.line(row) for row in gpu_targets.table(steps)]
    assert gpu_targets.room(steps)[:2] == [
        "style_layer: 1.3x the best of plain torch or more: not measured",
        "eigh, n <= 64: 1.3x the best of plain torch or more: 1 of 2 (0.90x to 3.00x)",
    ]
    assert said[1].startswith("missed") and said[1].endswith(": >= 3, found 2.5")
    steps["stylegan2_ada"]["plugins"]["bias_act"] = False  # timed without its kernels: no peer
    assert gpu_targets.table(steps)[0]["verdict"] == "not measured"


NETWORKS = """
import torch
class Generator(torch.nn.Module):
    def __init__(self, *sizes, mapping_kwargs, synthesis_kwargs):
        super().__init__()
        self.resolution = sizes[3]
    def load_state_dict(self, state, strict):
        return ["synthesis.b8.conv0.resample_filter"], {unknown!r}
    def synthesis(self, w, noise_mode, force_fp32):
        return torch.ones(len(w), 3, self.resolution, self.resolution)
"""


@pytest.mark.parametrize("unknown", [[], ["mapping.fc0.weight"]])
def test_a_checkout_that_makes_other_pictures_is_not_compared_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unknown: list[str]
) -> None:
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "networks.py").write_text(NETWORKS.format(unknown=unknown))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    for name in ("training", "training.networks"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    try:
        if unknown:
            with pytest.raises(AssertionError, match=r"no place .*mapping\.fc0\.weight"):
                gpu_peers.stylegan2_ada(CPU, str(tmp_path), 16, [1])
            return
        answer = gpu_peers.stylegan2_ada(CPU, str(tmp_path), 16, [1])
        assert [said.split(" differs")[0] for said in answer["wrong"]] == [
            "1: float32", "1: as shipped", "1: tuned",
        ]  # fmt: skip
        assert "tuned / steerx" not in answer["rows"][0]
    finally:
        for name in ("training", "training.networks"):
            sys.modules.pop(name, None)


@pytest.mark.parametrize("broken", [False, True])
def test_tensorrt_is_compared_with_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    body = "raise RuntimeError('no such layer')" if broken else "return module"
    text = f"__version__ = '9'\ndef compile(module, inputs, **way):\n    {body}\n"
    (tmp_path / "torch_tensorrt.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    try:
        answer = gpu_peers.tensorrt(CPU, 16, (1,))
    finally:
        sys.modules.pop("torch_tensorrt", None)
    if broken:
        assert answer == {"skipped": "torch_tensorrt 9: no such layer"}
    else:
        assert set(answer["rows"][0]["ms"]) == {"steerx", "TensorRT"} and answer["version"] == "9"


def test_a_folder_that_is_no_checkout_is_named(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=f"{tmp_path} is no checkout"):
        gpu_peers.stylegan2_ada(CPU, str(tmp_path), 16, [1])


def test_weights_come_back_from_their_layout_to_the_bit() -> None:
    from steerx.checkpoints import nvlabs
    from steerx.checkpoints.nvlabs_settings import Settings

    net = gpu_plan.network("cpu", 16)
    state, own = gpu_peers.state_of(net), net.state_dict()
    settings = Settings({}, {}, 256.0, 0.01, True, (), ())
    for rule in nvlabs.rules(net.config, settings, stored_mean=True):
        back = (state[rule.source] * rule.gain + rule.shift).reshape(own[rule.target].shape)
        torch.testing.assert_close(back, own[rule.target], rtol=2e-7, atol=0)
    assert "synthesis.b16.conv0.noise_const" in state and "mapping.fc7.bias" in state


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_ulps(dtype: torch.dtype) -> None:
    one = torch.ones(3, dtype=dtype)
    after = torch.nextafter(one, one + 1) if dtype != torch.float16 else one + 2**-10
    assert ulps(one, one) == 0 and ulps(one, after) == 1
    zero = torch.zeros(1, dtype=dtype)
    assert ulps(zero, -zero) == 0
    tiny = torch.tensor([torch.finfo(dtype).smallest_normal], dtype=dtype)
    assert ulps(tiny, -tiny) == 2 * ulps(zero, tiny) > 0
    nan = torch.tensor([float("nan")], dtype=dtype)
    assert ulps(nan, nan) == 0 and ulps(nan, zero) > 1 << 60

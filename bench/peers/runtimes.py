"""OpenVINO and ONNX Runtime: a graph is exported once per case, by a process of its own, then read by both."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench.peers import checkouts
from bench.peers.job import Call, Job, Precision
from bench.peers.torch_sides import module, w_plus


def graph(job: Job, form: str) -> Path:
    """Where the exported graph of a form lies."""
    return job.path(f"{form.replace(' ', '-')}-{job.batch}.onnx")


def export(job: Job, form: str) -> None:
    """Write the graph of "shared" or "published", or of a checkout's network, "fused" or "unfused"."""
    network: nn.Module
    if form in ("shared", "published"):
        network = module(job, form)
    else:
        network = checkouts.StyleGAN2Ada(job, fused=form == "fused")
    warnings.simplefilter("ignore")
    names: dict[str, Any] = {"input_names": ["w"], "output_names": ["picture"]}
    with torch.no_grad():
        torch.onnx.export(
            network.eval(), (w_plus(job),), graph(job, form), dynamo=True, verbose=False, **names
        )


def openvino(job: Job, *, form: str, precision: Precision) -> Call:
    import openvino

    told: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32" if precision == "fp32" else "bf16",
    }
    if job.threads is not None:
        told["INFERENCE_NUM_THREADS"] = job.threads
    model = openvino.Core().compile_model(str(graph(job, form)), "CPU", told)
    request, codes = model.create_infer_request(), job.codes()
    return lambda: request.infer({0: codes}, share_inputs=True, share_outputs=True)[0]


def onnxruntime(job: Job, *, form: str) -> Call:
    import onnxruntime as runtime

    options = runtime.SessionOptions()
    options.intra_op_num_threads = job.threads or 0
    options.log_severity_level = 3
    session = runtime.InferenceSession(graph(job, form), options, ["CPUExecutionProvider"])
    codes = job.codes()
    return lambda: session.run(None, {"w": codes})[0]


if __name__ == "__main__":
    export(Job.from_json(sys.argv[1]), sys.argv[2])

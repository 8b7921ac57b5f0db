"""Train the embedded generator: `python -m steerx.faces.training --folder run --out faces.safetensors`.

The run saves itself every few minutes and goes on from there when started again with the same
folder. `--stop 0` trains nothing: it measures and writes what is there.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
from dataclasses import asdict, fields
from pathlib import Path

import torch
from torch import Tensor

from steerx.checkpoints import Checkpoint, model_id, write
from steerx.faces.distilling import Options, Run
from steerx.faces.gate import Gate, measure, pictures_of
from steerx.faces.student import Student
from steerx.faces.truth import Z_DIM

_log = logging.getLogger("steerx.faces.training")
_MEAN_OF = 65_536  # z behind w_avg


def checkpoint(run: Run) -> Checkpoint:
    """The averaged student of a run in the canonical form, with w_avg and provenance."""
    student = run.averaged()
    tensors = student.canonical()
    tensors["mapping.w_avg"] = _mean_w(student)
    random = torch.Generator().manual_seed(run.options.seed)
    for name, value in tensors.items():
        if name.endswith(".noise"):  # pictures of noise exist; their strengths are zero
            tensors[name] = torch.randn(value.shape, generator=random)
    # What is stored is what is measured: weights rounded to half precision.
    tensors = {name: value.half().float() for name, value in tensors.items()}
    facts = {
        "script": "steerx.faces.training",
        "what": "a drawn world for demonstrations and tests, not a model of people",
        "steps": run.step,
        "images": 2 * run.options.pairs * run.step,
        "seconds": round(run.elapsed),
        "options": asdict(run.options),
    }
    return Checkpoint("stylegan2", student.config, tensors, model_id(tensors), facts)


def export(run: Run, out: Path) -> Gate:
    """Write a run's network with its gate in the provenance; returns the gate."""
    made = checkpoint(run)
    write(out, made, dtype=torch.float16, overwrite=True)
    gate = measure(pictures_of(out), resolution=run.options.resolution)
    facts = {**made.facts, "gate": asdict(gate)}
    final = Checkpoint(made.family, made.config, made.tensors, made.model_id, facts)
    write(out, final, dtype=torch.float16, overwrite=True)
    return gate


def _mean_w(student: Student) -> Tensor:
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        return student.mapping(torch.randn(_MEAN_OF, Z_DIM, generator=random)).mean(0)


def main() -> None:
    """Command line of the script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where the run saves itself")
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    parser.add_argument("--stop", type=float, default=math.inf, help="seconds of this call")
    parser.add_argument("--compile", action="store_true", help="faster; needs a C++ compiler")
    for field, value in zip(fields(Options), asdict(Options()).values(), strict=True):
        kind = json.loads if isinstance(value, dict) else type(value)
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=value)
    given = vars(parser.parse_args())
    folder, out, stop = given.pop("folder"), given.pop("out"), given.pop("stop")
    compiled = given.pop("compile")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    run = Run(Options(**given), folder)
    run.resume()
    run.train(stop=stop, compiled=compiled)
    gate = export(run, out)
    for name, value in gate.correlation.items():
        low, gain = gate.low[name], gate.gain[name]
        _log.info("%-12s correlation %.3f  10th percentile %.3f  gain %.2f", name, value, low, gain)
    _log.info(
        "mean absolute error %.4f, gate %s", gate.error, "passed" if gate.passed else "failed"
    )


if __name__ == "__main__":
    main()

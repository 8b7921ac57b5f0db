"""Training goes on where it stopped, and its batches are pairs that differ in one factor."""

from __future__ import annotations

from pathlib import Path

import torch

from steerx.faces.distilling import Options, Run, losses, pairs_of
from steerx.faces.truth import coordinates

SMALL = Options(
    seconds=1e6, pairs=2, base=64, maximum=4, resolution=8, mapping_layers=1, average=0.5
)


def test_pairs_differ_in_one_factor_only() -> None:
    z, which = pairs_of(SMALL, torch.Generator().manual_seed(0))
    first, second = coordinates(z).chunk(2)
    for row, factor in enumerate(which.tolist()):
        assert (second - first)[row, factor].abs() > 1.5
        rest = torch.arange(z.shape[1]) != factor
        cosine = torch.cosine_similarity(first[row, rest], second[row, rest], dim=0)
        assert cosine > 0.9999


def test_a_perfect_picture_has_no_loss_and_a_lost_change_has_one() -> None:
    drawn = torch.rand(4, 3, 8, 8)
    weight = torch.ones(2)
    assert all(value == 0 for value in losses(drawn, drawn, weight, knee=0.1).values())
    still = drawn.chunk(2)[0].repeat(2, 1, 1, 1)
    assert losses(still, drawn, weight, knee=0.1)["changes"] > 0.1


def test_a_run_learns_and_goes_on_from_its_save(tmp_path: Path) -> None:
    run = Run(SMALL, tmp_path)
    before = [value.detach().clone() for value in run.student.parameters()]
    run.train(stop=0.1, compiled=False)
    assert run.step > 1
    changed = zip(before, run.student.parameters(), strict=True)
    assert all(not torch.equal(old, new) for old, new in changed)
    again = Run(SMALL, tmp_path)
    again.resume()
    assert (again.step, again.elapsed) == (run.step, run.elapsed)
    for ours, theirs in zip(run.student.parameters(), again.student.parameters(), strict=True):
        assert torch.equal(ours, theirs)
        for name, value in run.optimiser.state[ours].items():
            assert torch.equal(again.optimiser.state[theirs][name], value)
    again.train(stop=0.02, compiled=False)
    assert again.step > run.step

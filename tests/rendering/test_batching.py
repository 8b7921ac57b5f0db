from __future__ import annotations

import pytest
import torch

import steerx
from steerx.rendering import Batches, is_out_of_memory
from tests.tiny import tiny_generator

OOM = RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried")


def limited(limit: int, seen: list[int], error: Exception = OOM):
    def work(items):
        seen.append(len(items))
        if len(items) > limit:
            raise error
        return list(items)

    return work


@pytest.mark.parametrize(
    "error", [OOM, MemoryError(), torch.OutOfMemoryError("CUDA out of memory")]
)
def test_the_batch_is_halved_until_it_fits_and_nothing_is_lost(error: Exception) -> None:
    batches, seen = Batches("sweep", 16), []
    with pytest.warns(
        UserWarning, match=r"sweep: \d+ pictures at once do not fit in memory; going on with \d"
    ):
        made = list(batches.over(range(21), limited(5, seen, error)))
    assert [n for _, result in made for n in result] == list(range(21))
    assert seen == [16, 8, 4, 4, 4, 4, 4, 1]
    assert batches.size == 4  # and it stays small


def test_one_picture_that_does_not_fit_is_an_error() -> None:
    with (
        pytest.warns(UserWarning, match="going on with 1"),
        pytest.raises(MemoryError, match="one picture at a time"),
    ):
        list(Batches("sweep", 2).over(range(4), limited(0, [])))


def test_other_errors_are_not_mistaken() -> None:
    assert not is_out_of_memory(RuntimeError("shape mismatch"))
    with pytest.raises(RuntimeError, match="shape mismatch"):
        list(Batches("sweep", 2).over(range(4), limited(0, [], RuntimeError("shape mismatch"))))


def test_a_sweep_that_runs_out_of_memory_gives_the_same_pictures(monkeypatch) -> None:
    G = tiny_generator()
    axis = torch.eye(G.w_dim)[:2]
    D = steerx.Directions(axis, space="w")
    arguments = {"directions": D, "alphas": [-1.0, 0.0, 1.0], "seeds": range(3), "batch": 6}
    whole = steerx.sweep(G, **arguments).images
    render = G.renderer.render

    def small(styles, **options):
        if len(styles[0]) > 2:
            raise OOM
        return render(styles, **options)

    monkeypatch.setattr(G.renderer, "render", small)
    with pytest.warns(UserWarning, match="do not fit"):
        halved = steerx.sweep(G, **arguments)
        images = halved.images
    assert abs(images.astype(int) - whole.astype(int)).max() <= 1
    assert halved.batches.size <= 2

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import steerx
from steerx.rendering import Batches, batching, is_out_of_memory, memory
from steerx.scoring import batches_of
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


def test_batches_grow_to_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with room for 10 pictures of 100 bytes beside what is taken once."""
    taken, seen = [500], []
    monkeypatch.setattr(batching, "forget_peak", lambda device: None)
    monkeypatch.setattr(batching, "peak_memory", lambda device: taken[0])
    monkeypatch.setattr(batching, "free_memory", lambda device: 1000)

    def work(items):
        seen.append(len(items))
        taken[0] = 500 + 777 + 100 * len(items)  # packed weights come with the first batch
        return list(items)

    batches = Batches("sweep", 64, device=torch.device("cpu"))
    made = [n for _, part in batches.over(range(30), work) for n in part]
    assert made == list(range(30))
    assert seen == [1, 2, 9, 16, 2]  # 2 + 75 % of 10; the free memory stays what it is
    states = list(batches.over(range(3), work, kind="states"))
    assert [len(part) for _, part in states] == [1, 2]


def test_nothing_is_measured_where_the_system_does_not_say(monkeypatch) -> None:
    monkeypatch.setattr(batching, "free_memory", lambda device: None)
    seen: list[int] = []
    list(Batches("sweep", 8, device=torch.device("cpu")).over(range(8), limited(99, seen)))
    assert seen == [8]


def test_sizes_are_the_users_or_measured_where_memory_is_short(tiny, monkeypatch) -> None:
    assert batches_of("sweep", tiny, None).device is None
    monkeypatch.setattr("steerx.scoring.stream.free_memory", lambda device: 10**6)
    assert batches_of("sweep", tiny, None).device == tiny.device
    assert batches_of("sweep", tiny, 5).device is None
    monkeypatch.setattr("steerx.scoring.stream.free_memory", lambda device: None)
    assert batches_of("sweep", tiny, None).device is None


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux says it")
def test_the_peak_of_a_piece_of_work_is_seen() -> None:
    cpu = torch.device("cpu")
    before = memory.free_memory(cpu)
    memory.forget_peak(cpu)
    start = memory.peak_memory(cpu)
    torch.ones(25_000_000)  # 100 MB, and given back
    after = memory.peak_memory(cpu)
    assert before > 0 and 90e6 < after - start < 200e6
    memory.forget_peak(cpu)
    assert memory.peak_memory(cpu) < after - 50e6

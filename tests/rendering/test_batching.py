from __future__ import annotations

import mmap
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


class Machine:
    """Memory as a system counts it. Work takes 777 bytes once, 900 while it first runs, and 100 a picture."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, room: int, kept: bool) -> None:
        self.room, self.kept, self.taken, self.peak = room + 777, kept, 500, 500
        self.seen: list[int] = []
        self.most = 500 + self.room
        monkeypatch.setattr(batching, "forget_peak", self.forget)
        monkeypatch.setattr(batching, "peak_memory", lambda device: self.peak)
        monkeypatch.setattr(batching, "taken_memory", lambda device: self.taken)
        monkeypatch.setattr(batching, "free_memory", lambda device: self.most - self.taken)

    def forget(self, device: torch.device) -> None:
        self.peak = self.taken

    def work(self, items):
        """Keeps the memory of its largest batch, or gives all of it back."""
        of_pictures = 500 + 777 + 100 * len(items)
        self.peak = max(self.peak, self.taken, of_pictures, 0 if self.seen else 500 + 777 + 900)
        assert self.peak <= self.most
        self.taken = max(self.taken, of_pictures) if self.kept else 500 + 777
        self.seen.append(len(items))
        return list(items)


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("room", [1000, 5000])
def test_batches_grow_to_what_fits(monkeypatch: pytest.MonkeyPatch, kept: bool, room: int) -> None:
    machine = Machine(monkeypatch, room=room, kept=kept)
    batches = Batches("sweep", 64, device=torch.device("cpu"))
    made = [n for _, part in batches.over(range(400), machine.work) for n in part]
    assert made == list(range(400))
    assert machine.seen[:3] == [1, 1, 2]
    assert max(machine.seen) <= room // 100  # it never was more than the machine has
    assert max(machine.seen[3:]) >= 0.7 * room // 100
    states = list(batches.over(range(4), machine.work, kind="states"))
    assert [len(part) for _, part in states] == [1, 1, 2]


def test_memory_that_others_take_meanwhile_is_left_to_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Machine(monkeypatch, room=5000, kept=False)
    batches = Batches("sweep", 64, device=torch.device("cpu"))
    parts = batches.over(range(400), machine.work)
    while max([0, *machine.seen]) < 30:
        next(parts)
    machine.most = 500 + 777 + 800
    next(parts)
    assert machine.seen[-1] == 6


def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str) -> Path:
    """A system of 8 GB whose process is in control groups, and the folder of these."""
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:  8000000 kB\n")
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "cgroup").write_text(said)
    for name, part in {"_PROCESS": "self", "_SYSTEM": "meminfo", "_GROUP": "groups"}.items():
        monkeypatch.setattr(memory, name, tmp_path / part)
    return tmp_path / "groups"


@pytest.mark.parametrize("place", ["", "service", "service/unit"])
def test_limits_of_control_groups_hold(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = groups(tmp_path, monkeypatch, "0::/service/unit\n") / place
    folder.mkdir(parents=True)
    (folder / "memory.max").write_text("1000000\n")
    (folder / "memory.current").write_text("400000\n")
    (folder / "memory.stat").write_text("anon 5\ninactive_file 100000\n")
    assert memory.free_memory(torch.device("cpu")) == 700_000
    (folder / "memory.max").write_text("max\n")
    assert memory.free_memory(torch.device("cpu")) == 8_000_000 * 1024


@pytest.mark.parametrize("place", ["", "docker/0123"])
def test_limits_of_old_control_groups_hold(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "5:cpu,cpuacct:/docker/0123\n4:memory:/docker/0123\n0::/\n"
    folder = groups(tmp_path, monkeypatch, said) / "memory" / place
    folder.mkdir(parents=True)
    (folder / "memory.limit_in_bytes").write_text("1000000\n")
    (folder / "memory.usage_in_bytes").write_text("400000\n")
    assert memory.free_memory(torch.device("cpu")) == 600_000
    (folder / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    assert memory.free_memory(torch.device("cpu")) == 8_000_000 * 1024
    (tmp_path / "self" / "cgroup").unlink()
    assert memory.free_memory(torch.device("cpu")) == 8_000_000 * 1024


def test_nothing_is_measured_where_the_system_does_not_say(monkeypatch) -> None:
    monkeypatch.setattr(batching, "free_memory", lambda device: None)
    seen: list[int] = []
    list(Batches("sweep", 8, device=torch.device("cpu")).over(range(8), limited(99, seen)))
    assert seen == [8]


def test_sizes_are_the_users_or_measured_where_memory_is_short(tiny, monkeypatch) -> None:
    assert batches_of("sweep", tiny, None).device is None
    monkeypatch.setattr("steerx.scoring.batches.free_memory", lambda device: 10**6)
    assert batches_of("sweep", tiny, None).device == tiny.device
    assert batches_of("sweep", tiny, 5).device is None
    monkeypatch.setattr("steerx.scoring.batches.free_memory", lambda device: None)
    assert batches_of("sweep", tiny, None).device is None


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux says it")
def test_the_peak_of_a_piece_of_work_is_seen() -> None:
    cpu = torch.device("cpu")
    before = memory.free_memory(cpu)
    memory.forget_peak(cpu)
    start = memory.peak_memory(cpu)
    with mmap.mmap(
        -1, 100_000_000
    ) as pages:  # not malloc's: an allocator may keep what it is given
        for page in range(0, len(pages), mmap.PAGESIZE):
            pages[page] = 1
    after = memory.peak_memory(cpu)
    assert before > 0 and 90e6 < after - start < 200e6
    memory.forget_peak(cpu)
    assert memory.peak_memory(cpu) < after - 50e6

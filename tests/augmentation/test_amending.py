"""Jobs whose memory runs out: what is not done goes on in smaller batches, what is done stays."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from steerx.augmentation import (
    DamageError,
    LockedError,
    PlanError,
    amend,
    export,
    run,
)
from steerx.augmentation.folder import Folder
from steerx.augmentation.status import status
from steerx.augmentation.verifying import verify
from tests.augmentation.faults import faulty, in_a_child, room_for
from tests.augmentation.jobs import contents, pictures
from tests.augmentation.test_augment import read


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    """A job of three shards, the second of which has room for batches of 2 alone."""
    with room_for(2):
        assert run(pictures(), tmp_path / "set").shards == 2
    return tmp_path / "set"


def finished(folder: Path) -> Path:
    """The same job goes on, in the same narrow memory."""
    with room_for(2):
        assert run(pictures(), folder).failed == {}
    assert verify(Folder.read(folder)).finished
    return folder


@pytest.mark.parametrize("shard", [0, 1])  # the first one, and after it
@pytest.mark.parametrize(
    ("most", "said"),
    [
        (3, "4 pictures at once; a batch of 2 fits: `steerx augment plan --amend-batch 2 --outdir"),
        (0, "4 pictures at once; use a device with more memory"),
    ],
)
def test_out_of_memory_fails_the_shard_and_says_what_to_type(
    tmp_path: Path, most: int, said: str, shard: int
) -> None:
    with room_for(most, first=8 * shard, last=8 * shard + 7):
        made = run(pictures(), tmp_path)
    assert made.shards == 2 and list(made.failed) == [shard]
    assert said in made.failed[shard]
    assert Folder.read(tmp_path).pending() == [shard]


def test_each_shard_has_the_bytes_of_its_plan(tmp_path: Path, cut: Path) -> None:
    """As fresh runs of the two plans have them."""
    run(pictures(), tmp_path / "by-4")
    run(pictures(batch=2), tmp_path / "by-2")
    plan = amend(cut, batch=2)
    assert plan == pictures(batch=2).plan and plan.plan_id != pictures().plan.plan_id
    assert (cut / "plan.json").read_bytes() == (tmp_path / "by-4" / "plan.json").read_bytes()
    assert status(Folder.read(cut)).failed == {}  # it failed by another plan
    finished(cut)
    for shard in range(3):
        for name in (f"shard-{shard:06d}.tar", f"shard-{shard:06d}.tar.json"):
            like = tmp_path / ("by-2" if shard == 1 else "by-4")
            assert (cut / name).read_bytes() == (like / name).read_bytes()
    whole = contents(cut)
    (cut / "shard-000000.tar").unlink()
    (cut / "shard-000001.tar").unlink()
    assert run(pictures(), cut).shards == 2  # each by its plan again
    assert contents(cut) == whole


def test_everything_that_tells_of_the_set_tells_both_plans(tmp_path: Path, cut: Path) -> None:
    amend(cut, batch=2)
    finished(cut)
    first, second = pictures().plan.plan_id, pictures(batch=2).plan.plan_id
    told = [about["plan"] for _, about in read(cut).values()]
    assert told == [first] * 8 + [second] * 8 + [first] * 5
    parts = [
        {"plan_id": first, "batch": 4, "shards": [[0, 0], [2, 2]]},
        {"plan_id": second, "batch": 2, "shards": [[1, 1]]},
    ]
    manifest = json.loads((cut / "manifest.json").read_bytes())
    assert (manifest["plan_id"], manifest["plans"]) == (first, parts)
    seen = status(Folder.read(cut))
    assert seen.finished and [(p.plan_id, p.batch) for p in seen.parts] == [(first, 4), (second, 2)]
    assert export(cut, to="imagefolder", out=tmp_path / "out") == 21
    lines = (tmp_path / "out" / "metadata.jsonl").read_text().splitlines()
    assert [json.loads(line)["plan"] for line in lines] == told
    for card in (cut, tmp_path / "out"):
        said = (card / "README.md").read_text()
        assert f"rendered 4 at once by `{first}`, 2 at once by `{second}`" in said
    run(pictures(), tmp_path / "plain")
    assert "amended" not in (tmp_path / "plain" / "README.md").read_text()
    assert "plans" not in json.loads((tmp_path / "plain" / "manifest.json").read_bytes())


def test_amended_again_and_before_anything_is_done(tmp_path: Path) -> None:
    with room_for(1, first=0, last=20):
        assert run(pictures(), tmp_path / "set").shards == 0
    amend(tmp_path / "set", batch=2)
    with room_for(1, first=0, last=7):
        assert list(run(pictures(), tmp_path / "set").failed) == [0]
    amend(tmp_path / "set", batch=1)
    with room_for(1, first=0, last=7):
        run(pictures(), tmp_path / "set")
    folder = Folder.read(tmp_path / "set")
    assert [(part.batch, part.shards) for part in folder.plans.parts()] == [
        (2, ((1, 2),)),
        (1, ((0, 0),)),
    ]
    assert verify(folder).good == 3 and verify(folder).finished
    run(pictures(batch=1), tmp_path / "by-1")
    run(pictures(batch=2), tmp_path / "by-2")
    for shard, like in ((0, "by-1"), (1, "by-2"), (2, "by-2")):
        name = f"shard-{shard:06d}.tar"
        assert (tmp_path / "set" / name).read_bytes() == (tmp_path / like / name).read_bytes()


def test_a_shard_that_was_kept_and_is_damaged_may_have_it_too(tmp_path: Path, cut: Path) -> None:
    amend(cut, batch=2)
    finished(cut)
    (cut / "shard-000000.tar").unlink()
    with room_for(2, first=0):
        assert "--amend-batch 2" in run(pictures(), cut).failed[0]
        plan = amend(cut, batch=2)
        assert run(pictures(), cut).shards == 1
    parts = Folder.read(cut).plans.parts()
    assert [(p.plan_id, p.shards) for p in parts][1] == (plan.plan_id, ((0, 1),))
    run(pictures(batch=2), tmp_path / "by-2")
    name = "shard-000000.tar"
    assert (cut / name).read_bytes() == (tmp_path / "by-2" / name).read_bytes()


def test_a_receipt_of_another_plan_never_stands_beside_a_new_file(cut: Path) -> None:
    """As where the run is killed between the two: amended back, the receipt would be this plan's again."""
    shard = cut / "shard-000000.tar"
    shard.unlink()
    amend(cut, batch=2)
    there = []

    def look(number: int, name: str, before: bool) -> None:
        if shard.exists():
            there.append(shard.with_name("shard-000000.tar.json").exists())

    with room_for(2), faulty(look):
        run(pictures(), cut)
    assert there[0] is False and there[-1] is True
    finished(cut)


def test_a_larger_batch_ends_at_the_shard(tmp_path: Path, cut: Path) -> None:
    assert amend(cut, batch=100) == pictures(batch=100).plan
    assert Folder.read(cut).plans.last.batch == 8


def test_workers_of_a_shared_folder(tmp_path: Path, cut: Path) -> None:
    amend(cut, batch=2)
    for worker in (1, 0):
        with room_for(2):
            run(pictures(), cut, worker=worker, workers=2)
    assert verify(Folder.read(cut)).finished


def test_what_is_refused_changes_nothing(tmp_path: Path, cut: Path) -> None:
    before = contents(cut)
    for batch in (0, -2, 1.5, "2", True, None):
        with pytest.raises(ValueError, match="batch must be a positive integer, got"):
            amend(cut, batch=batch)  # type: ignore[arg-type]
    with pytest.raises(PlanError, match=r"another than the present one of .*, 4, got 4"):
        amend(cut, batch=4)
    for shared in (False, True):
        with (
            Folder.working(cut, pictures().plan, shared=shared),
            pytest.raises(LockedError, match="another run works in"),
        ):
            amend(cut, batch=2)
    with pytest.raises(PlanError, match=r"holds no plan\.json"):
        amend(tmp_path, batch=2)
    assert contents(cut) == before
    with pytest.raises(PlanError, match="batch was 4, is 2"):  # its arguments are as they were
        run(pictures(batch=2), cut)
    run(pictures(), cut)
    with pytest.raises(PlanError, match=r"all 3 shards of .* are done"):
        amend(cut, batch=2)
    assert not (cut / "plan-0001.json").exists()


HARMS = {
    "torn": lambda text: text[:60],
    "empty": lambda text: b"",
    "changed": lambda text: text.replace(b"[[0,0],", b"[[0,1],"),
    "foreign": lambda text: text.replace(b'"amends":"', b'"amends":"0'),
    "later": lambda text: text.replace(b'"steerx_amendment":1', b'"steerx_amendment":2'),
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_damaged_amendment_is_found_and_given_again(tmp_path: Path, cut: Path, harm: str) -> None:
    amend(cut, batch=2)
    whole = contents(finished(cut))
    file = cut / "plan-0001.json"
    harmed = HARMS[harm](file.read_bytes())
    assert harmed != file.read_bytes()
    file.write_bytes(harmed)
    with pytest.raises(DamageError, match=r"plan-0001\.json (is torn|was changed).*remove it"):
        verify(Folder.read(cut))
    with pytest.raises(DamageError):
        run(pictures(), cut)
    file.unlink()
    assert list(verify(Folder.read(cut)).damaged) == [1]  # of a plan that is not there
    amend(cut, batch=2)
    assert run(pictures(), cut).shards == 0
    assert contents(cut) == whole


def test_an_amendment_that_is_missing_is_found(cut: Path) -> None:
    amend(cut, batch=2)
    amend(cut, batch=1)
    (cut / "plan-0001.json").unlink()
    with pytest.raises(DamageError, match=r"plan-0002\.json amends the plan"):
        Folder.read(cut)


def test_a_torn_plan_is_known_by_its_amendment(cut: Path) -> None:
    amend(cut, batch=2)
    whole = contents(finished(cut))
    (cut / "plan.json").write_bytes(whole["plan.json"][:99])
    assert run(pictures(), cut).shards == 0
    assert contents(cut) == whole


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are killed by forking")
def test_killed_at_every_point_of_an_amendment(tmp_path: Path) -> None:
    with room_for(2):
        run(pictures(), tmp_path / "whole")
    amend(tmp_path / "whole", batch=2)
    whole = contents(finished(tmp_path / "whole"))
    amended = []
    while not amended or amended[-1] < 2:
        point, folder = len(amended), tmp_path / str(len(amended))
        with room_for(2):
            run(pictures(), folder)

        def kill(number: int, name: str, before: bool, point: int = point) -> None:
            if number == point:
                os.kill(os.getpid(), signal.SIGKILL)

        def work(folder: Path = folder) -> None:
            with faulty(kill):
                amend(folder, batch=2)

        killed = os.WIFSIGNALED(in_a_child(work))
        done = (folder / "plan-0001.json").exists()
        assert done or killed
        amended.append(done + (not killed))
        if not done:
            amend(folder, batch=2)
        assert contents(finished(folder)) == whole
    assert {0, 1} <= set(amended) and len(amended) > 12

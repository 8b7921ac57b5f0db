from __future__ import annotations

import json

import pytest

from steerx.augmentation import DamageError, Plan, PlanError
from steerx.augmentation.plan import same
from tests.augmentation.jobs import pictures


def test_the_file_says_the_plan_and_its_hash() -> None:
    plan = pictures().plan
    text = plan.to_json()
    assert Plan.from_json(text, where="plan.json") == plan
    assert json.loads(text)["plan_id"] == plan.plan_id and len(plan.plan_id) == 64
    assert pictures().plan.plan_id == plan.plan_id
    assert pictures(key=12).plan.plan_id != plan.plan_id


def test_shards_partition_the_samples() -> None:
    for count in (0, 1, 8, 9, 7 * 8):
        plan = pictures(count=count, edits=1, keep_original=False).plan
        spans = [plan.span(shard) for shard in range(plan.shards)]
        assert [i for span in spans for i in span] == list(range(count))
        names = [plan.shard_name(shard) for shard in range(plan.shards)]
        assert names == sorted(names) and len(set(map(len, names))) <= 1


@pytest.mark.parametrize("cut", [0, 1, 100, -1, -2])
def test_a_torn_plan_is_refused(cut: int) -> None:
    text = pictures().plan.to_json()[:-1]
    with pytest.raises(DamageError, match=r"p\.json is torn"):
        Plan.from_json(text[:cut], where="p.json")


def test_a_changed_plan_is_refused() -> None:
    text = pictures().plan.to_json().replace(b'"key":11', b'"key":12')
    with pytest.raises(DamageError, match=r"p\.json was changed"):
        Plan.from_json(text, where="p.json")


def test_differences_are_told_field_by_field() -> None:
    was = pictures().plan
    now = pictures(format="jpeg", key=3, alphas={"smile": "uniform:-3,2", "age": [1.0]}).plan
    with pytest.raises(PlanError) as caught:
        same(was, now, where="out")
    for words in (
        "out holds another job: ", "key was 11, is 3", "codec.format was png, is jpeg",
        "codec.quality was None, is 95", "edits.0.alphas.high was 3.0, is 2.0",
        "edits.1.alphas.values was [-1.0, 0.0, 2.0], is [1.0]",
    ):  # fmt: skip
        assert words in str(caught.value)
    assert "psi" not in str(caught.value)


def test_a_million_samples_take_no_room() -> None:
    import tracemalloc

    tracemalloc.start()
    plan = pictures(count=500_000, edits=1).plan
    small = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert plan.samples == 1_000_000 and small < 2_000_000

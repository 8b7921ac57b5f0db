"""Jobs with a scorer: scores beside pictures, alphas that reach them, pictures that are refused."""

from __future__ import annotations

import io
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from steerx.augmentation import Judge, PlanError, run
from steerx.augmentation.folder import Folder
from steerx.augmentation.samples import samples_of
from steerx.augmentation.status import status
from steerx.augmentation.verifying import verify
from tests.augmentation.jobs import contents, pictures
from tests.augmentation.scorers import light
from tests.augmentation.test_augment import read

BOTH = {"smile": "target:light:uniform:2,4", "age": "uniform:-1,1"}
LIGHT_AND_DARK = {"smile": "target:light:bins:2,3,4", "age": 0.0}


def judge(**told: Any) -> Judge:
    """Of the tests' scorer."""
    return Judge(light, **({"tolerance": 0.05, "reach": (-30.0, 30.0)} | told))


def test_scores_are_those_of_the_picture_and_of_its_source(tmp_path: Path) -> None:
    run(pictures(judge=judge(), alphas=BOTH, noise="const"), tmp_path / "set")
    samples = read(tmp_path / "set")
    sources = {}
    sought = reached = 0
    for data, about in samples.values():
        shown = torch.from_numpy(np.array(Image.open(io.BytesIO(data))))
        scores = light((shown.permute(2, 0, 1)[None].float() - 128) / 127.5)[0]
        told = torch.tensor([about["scores"]["light"], about["scores"]["red"]])
        torch.testing.assert_close(told, scores, rtol=0, atol=0.06)  # of whole levels
        if not about["edits"]:
            sources[about["source"]] = about["scores"]
        assert about["source_scores"] == pytest.approx(sources[about["source"]], abs=1e-5)
        for edit in about["edits"]:
            if "target" in edit:
                sought += 1
                near = abs(about["scores"]["light"] - edit["target"]) <= 0.05
                assert edit["reached"] == near and edit["attribute"] == "light"
                reached += near
                assert near or abs(edit["alpha"]) <= 30
    assert sought == 7 and reached >= 4


def test_the_same_bytes_whoever_makes_them(tmp_path: Path) -> None:
    told = {"alphas": BOTH, "judge": judge(accept=["reached", "drift(red)<=5"], tries=3)}
    run(pictures(**told), tmp_path / "alone")
    for worker in (2, 0, 1):
        run(pictures(**told), tmp_path / "shared", worker=worker, workers=3, encoders=2)
    assert contents(tmp_path / "alone") == contents(tmp_path / "shared")
    whole = read(tmp_path / "alone")
    some = pictures(**told).batch([8, 9, 10, 11])  # the batch of the second shard, alone
    assert some.verdict is not None
    for place, sample in enumerate(some.samples.ids.tolist()):
        if not some.verdict.refused[place]:
            alphas = [edit["alpha"] for edit in whole[f"{sample:09d}"][1]["edits"]]
            now = some.samples.alphas[place]
            assert now[~now.isnan()].tolist() == alphas
    assert {about["draw"] for _, about in whole.values()} > {0}


def test_refused_pictures_are_drawn_again_and_then_left_out(tmp_path: Path) -> None:
    rules = ["light>=3", "drift(light,red)<=1.5"]
    told: dict[str, Any] = {"count": 40, "alphas": "uniform:-3,3"}
    kept = {}
    for tries in (1, 4):
        job = pictures(judge=judge(accept=rules, tries=tries), **told)
        folder = tmp_path / str(tries)
        run(job, folder)
        samples = read(folder)
        for _, about in samples.values():
            assert about["scores"]["light"] >= 3 and 0 <= about["draw"] < tries
            a, b = about["scores"], about["source_scores"]
            assert np.hypot(a["light"] - b["light"], a["red"] - b["red"]) <= 1.5 + 1e-5
        kept[tries] = len(samples)
        seen = status(Folder.read(folder))
        assert seen.done_samples == len(samples) and seen.rejected == 120 - len(samples) > 0
        manifest = json.loads((folder / "manifest.json").read_bytes())
        assert set(manifest["rejected"]) <= set(rules)
        assert manifest["samples"] + sum(manifest["rejected"].values()) == 120
        assert verify(Folder.read(folder)).finished and seen.finished
        left_out = set()
        for receipt in map(Folder.read(folder).receipt, range(job.plan.shards)):
            assert receipt is not None
            left_out |= receipt.left_out
        assert left_out == set(range(120)) - {about["sample"] for _, about in samples.values()}
    assert kept[1] < 80 and kept[4] > 1.4 * kept[1]


@pytest.mark.parametrize("rule", ["light>=3", "light>=1000"])
def test_the_time_that_is_left_counts_what_was_left_out(tmp_path: Path, rule: str) -> None:
    """A refused sample took as long as one that was taken."""
    run(pictures(judge=judge(accept=[rule]), count=40), tmp_path)  # 15 shards of 8
    for shard in range(9, 15):
        (tmp_path / f"shard-{shard:06d}.tar.json").unlink()
    (tmp_path / "_SUCCESS").unlink()
    folder = Folder.read(tmp_path)
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    events = [event for event in map(json.loads, lines) if event["event"] == "shard"][:9]
    now = time.time()
    (tmp_path / "events.jsonl").write_text("")
    for number, event in enumerate(events):  # a shard every two seconds
        folder.note(**event | {"time": now - 2 * (9 - number)})
    seen = status(folder)
    assert (seen.done_shards, seen.done_samples + seen.rejected) == (9, 72) and seen.rejected > 20
    taken = sum(event["samples"] for event in events[1:])
    assert seen.images_per_second == pytest.approx(taken / 16)
    assert seen.seconds_left == pytest.approx(12)  # six shards


def test_a_shard_of_which_nothing_is_taken(tmp_path: Path) -> None:
    run(pictures(judge=judge(accept=["light>=1000"])), tmp_path)
    assert read(tmp_path) == {} and verify(Folder.read(tmp_path)).finished
    assert json.loads((tmp_path / "manifest.json").read_bytes())["rejected"] == {"light>=1000": 21}


def test_a_draw_again_is_a_stream_of_its_own() -> None:
    plan = pictures(judge=judge(tries=3), alphas="uniform:-1,1", count=50).plan
    first = samples_of(plan, range(100))
    again = samples_of(plan, range(100), torch.ones(100, dtype=torch.int64))
    mixed = samples_of(plan, range(100), torch.arange(100) % 2)
    assert torch.equal(first.moved, again.moved)
    a, b = first.alphas[first.moved], again.alphas[first.moved]
    assert (a != b).all() and abs(float(torch.corrcoef(torch.stack((a, b)))[0, 1])) < 0.3
    for odd, of in ((0, first), (1, again)):
        torch.testing.assert_close(mixed.alphas[odd::2], of.alphas[odd::2], equal_nan=True)


def test_bins_have_equal_counts() -> None:
    told: dict[str, Any] = {"count": 60, "alphas": "bins:-3,-1,1,2", "keep_original": False}
    alphas = samples_of(pictures(edits=2, **told).plan, range(120)).alphas
    for column in alphas.T:
        values = column[~column.isnan()]
        bins = Counter(torch.bucketize(values, torch.tensor([-1.0, 1.0]).double()).tolist())
        assert bins == {0: 20, 1: 20, 2: 20}
        assert values.min() >= -3 and values.max() <= 2
    told |= {"alphas": {"smile": "target:light:bins:-0.5,0,0.5", "age": 0.0}}
    plan = pictures(edits=1, at_once=2, judge=judge(), **told).plan
    targets = samples_of(plan, range(60)).targets[:, 0]
    assert int((targets < 0).sum()) == int((targets > 0).sum()) == 30


def test_balance_is_reached_and_what_is_missing_is_counted(tmp_path: Path) -> None:
    told = {"alphas": LIGHT_AND_DARK, "at_once": 2, "keep_original": False, "count": 30, "edits": 1}
    job = pictures(judge=judge(accept=["reached"], tries=6, tolerance=0.02), **told)
    run(job, tmp_path)
    lights = [about["scores"]["light"] for _, about in read(tmp_path).values()]
    counts = Counter(value > 3 for value in lights)
    rejected = status(Folder.read(tmp_path)).rejected
    assert len(lights) + rejected == 30
    assert abs(counts[True] - counts[False]) <= rejected + 1  # a score at 3 may end on either side
    assert rejected < 10


@pytest.mark.parametrize(
    ("policy", "idle", "settings"),
    [
        ({}, True, {"reach": (-5.0, 5.0)}),
        ({}, True, {"tolerance": 0.2}),
        ({}, True, {"looks": 3}),
        ({}, True, {"tries": 3}),
        ({"alphas": BOTH}, False, {"reach": (-5.0, 5.0)}),
        ({"alphas": BOTH}, False, {"tolerance": 0.2}),
        ({"alphas": BOTH}, False, {"looks": 3}),
        ({"alphas": BOTH}, True, {"tries": 3}),
        ({"rules": ["light>=0"]}, False, {"tries": 3}),
        ({"rules": ["light>=0"]}, True, {"looks": 3}),
    ],
)
def test_settings_without_an_effect_change_no_plan(
    policy: dict[str, Any], idle: bool, settings: dict[str, Any]
) -> None:
    told = dict(policy)
    rules = told.pop("rules", [])
    plain = pictures(judge=Judge(light, accept=rules), **told)
    other = pictures(judge=Judge(light, accept=rules, **settings), **told)
    assert (plain.plan.plan_id == other.plan.plan_id) == idle
    if idle:  # as its pictures are
        a, b = plain.batch([0, 1, 2, 3]), other.batch([0, 1, 2, 3])
        assert torch.equal(a.images, b.images)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"alphas": "target:-1,1"}, "a score can be sought only where there is a scorer"),
        ({"judge": judge(), "alphas": "target:-1,1"}, "'smile' that smile is to reach is none of"),
        ({"judge": judge(accept=["bright>=1"])}, "names 'bright', the scores are light, red"),
        ({"judge": judge(accept=["light=1"])}, "a rule must look like reached,"),
        ({"judge": judge(accept=["drift(light)>=1"])}, "a rule must look like"),
        ({"judge": judge(accept=["light>=nan"])}, "a rule must look like"),
        ({"judge": judge(tries=0)}, "tries must be 1 or more"),
        ({"judge": judge(looks=0)}, "looks must be 1 or more"),
        ({"judge": judge(tolerance=0)}, "tolerance must be 1e-06 or more"),
        ({"judge": judge(reach=(1, 2))}, "reach must be two alphas around 0"),
        ({"judge": Judge(torch.sum)}, "does not say what its columns are"),
        (
            {"judge": judge(tries=2), "alphas": 1.0, "count": None, "seeds": "0-3"},
            "are the same at every try",
        ),
    ],
)
def test_what_does_not_fit_is_refused(policy: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        pictures(**policy)


def test_another_scorer_is_refused_and_a_broken_one_fails_its_shards(tmp_path: Path) -> None:
    job = pictures(judge=judge())
    with pytest.raises(PlanError, match="the scorer is not that of the plan"):
        type(job)(job.plan, job.G, job.directions)

    def broken(images: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("no such cascade")

    made = run(pictures(judge=Judge(broken, names=["light"])), tmp_path)
    assert made.shards == 0 and "the scorer raised RuntimeError: no such cas" in made.failed[0]

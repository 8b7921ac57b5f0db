"""bench.roofline: what layers must do, by numbers known elsewhere, and a run at a tiny size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from bench import roofline
from bench.peers.network import random_generator


def test_the_work_of_config_f_is_what_is_known_of_it() -> None:
    """90.2 GFLOP at 256 px and 148.5 at 1024, transposed convolutions counted on their input."""
    for px, gflop in ((256, 90.2), (1024, 148.5)):
        with torch.device("meta"):
            network = random_generator(px, 512).synthesis
        found = roofline.works(network, 4)
        assert sum(work.flops for work in found) / 1e9 == pytest.approx(gflop, abs=0.1)
    assert [work.name for work in found[:3]] == ["4:conv", "8:conv0", "8:conv1"]
    weight, sides = 9 * 512 * 512, 512 * 4**2 + 512 * 8**2
    assert found[1].bytes == 4 * (weight + sides)


def test_a_small_run_has_every_layer_and_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"SIDE": 64, "CHANNELS": 16, "PIXELS": 16, "COPIED": 1 << 20}.items():
        monkeypatch.setattr(roofline, name, value)
    threads = torch.get_num_threads()
    try:
        small = ["--sizes", "32", "--channels", "16", "--rounds", "1"]
        roofline.main([*small, "--out", str(tmp_path)])
    finally:
        torch.set_num_threads(threads)
    result = json.loads(next(tmp_path.glob("*.json")).read_text())
    assert set(result["rates"]) == {*roofline.peaks()} and min(result["rates"].values()) > 0
    assert [found["precision"] for found in result["networks"]] == ["fp32", "bf16"]
    for found in result["networks"]:
        assert len(found["layers"]) == 7 and all(row["ms"] > 0 for row in found["layers"])
        assert found["share"] > 0 and found["ms outside layers"] < found["ms"]
        assert {row["made by"] for row in found["layers"]} <= {*roofline.WAYS.values()}
    text = next(tmp_path.glob("*.md")).read_text()
    assert text.count("| 32:conv1 |") == 2 and "### 32 px, bf16" in text


def test_the_share_is_the_floor_over_what_was_measured() -> None:
    class Renderer:
        network = random_generator(8, 16).synthesis

        def way(self, i: int) -> str:
            return "filtering" if i == 2 else "library"

    rates = {"fp32 a": 1e9, "fp32 b": 2e9, "bf16 a": 9e9, "copy": 1e9}
    taken = [{0: 1e-3, 1: 1e-3, 2: 1e-3}] * 3
    found = roofline.described(8, "fp32", Renderer(), [4e-3] * 3, taken, rates)
    assert found["ms outside layers"] == 1.0
    last = found["layers"][2]
    flops, moved = 2 * 9 * 16 * 16 * 64 + 2 * 3 * 16 * 64, 4 * (2 * 16 * 64 + 9 * 256) + 4 * 3 * 64
    assert last["made by"] == "filtering" and last["bound"] == "arithmetic"
    assert last["share"] == pytest.approx(max(flops / 2e9, moved / 1e9) / 1e-3, abs=1e-3)

"""What is measured of a bulk job still runs: a few pictures of each case."""

from __future__ import annotations

from pathlib import Path

from bench.augmenting import FORMS, exports, overhead
from tests.tiny import tiny_generator


def test_exports_of_every_form_are_timed(tmp_path: Path) -> None:
    found = exports(tmp_path, 12, rounds=1)
    assert found["pictures"] == 12
    assert set(FORMS) < set(found["per_second"])
    assert all(rate > 0 for rate in found["per_second"].values())


def test_the_engine_is_timed_beside_its_parts(tmp_path: Path) -> None:
    found = overhead(tmp_path, tiny_generator(), 8, rounds=1)
    assert found["engine / alone"] > 0

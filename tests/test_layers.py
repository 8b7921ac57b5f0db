"""Layer strings: the published examples, the round trip, and every way to be wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steerx._layers import format_layers, parse_layers


def test_published_examples(goldens: Path) -> None:
    expected = json.loads((goldens / "sefa_parse_indices.json").read_text())
    assert expected
    for text, rows in expected.items():
        assert parse_layers(text, 18) == tuple(rows), text


@given(st.sets(st.integers(0, 17), min_size=1))
def test_format_and_parse_are_inverse(rows: set[int]) -> None:
    assert parse_layers(format_layers(rows), 18) == tuple(sorted(rows))
    assert parse_layers(format_layers(rows, 18), 18) == tuple(sorted(rows))


def test_all() -> None:
    assert parse_layers(" all ", 4) == (0, 1, 2, 3)
    assert format_layers((3, 2, 1, 0), 4) == "all"
    assert format_layers((0, 1, 2, 3)) == "0-3"


def test_out_of_range_names_caller_and_remedy() -> None:
    with pytest.raises(ValueError) as caught:
        parse_layers("0-20", 18, caller="SeFa")
    assert str(caught.value) == (
        'SeFa(layers="0-20"): this generator has w slots 0-17; use layers="0-17" or "all"'
    )


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "no layer is named"),
        ("  ", "no layer is named"),
        ("5-2", 'reversed; use "2-5"'),
        ("1,,2", '""'),
        ("a", '"a"'),
        ("-1", '"-1"'),
        ("1-2-3", '"1-2-3"'),
        ("²", '"²"'),
        ("0-999999999", "w slots 0-17"),
        ("0-99999999999999", "neither an index"),
    ],
)
def test_wrong_strings_raise(text: str, part: str) -> None:
    with pytest.raises(ValueError, match="parse_layers") as caught:
        parse_layers(text, 18)
    assert part in str(caught.value)

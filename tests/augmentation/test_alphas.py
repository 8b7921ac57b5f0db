from __future__ import annotations

import pytest

from steerx.augmentation import Bins, Fixed, Normal, Target, Uniform
from steerx.augmentation.alphas import parse_alphas


def test_words_of_distributions() -> None:
    assert parse_alphas("-3,0,3") == Fixed(values=(-3.0, 0.0, 3.0))
    assert parse_alphas("2") == Fixed(values=(2.0,))
    assert parse_alphas(" uniform:-3,3") == Uniform(low=-3.0, high=3.0)
    assert parse_alphas("normal:0,1.5") == Normal(mean=0.0, deviation=1.5)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "a",
        "uniform:3",
        "uniform:3,-3",
        "normal:0,-1",
        "normal:0,1,2",
        "nan",
        "1,inf",
        "even:0,1",
    ],
)
def test_other_words_are_refused(words: str) -> None:
    with pytest.raises(ValueError, match=r"alpha must look like -3,0,3"):
        parse_alphas(words)


def test_words_of_scores_that_are_sought() -> None:
    bins = Bins(edges=(-1.0, 0.0, 1.0))
    assert parse_alphas("bins:-1,0,1") == bins
    assert parse_alphas("target:1") == Target(attribute="", scores=Fixed(values=(1.0,)))
    assert parse_alphas("target:bins:-1,0,1") == Target(attribute="", scores=bins)
    assert parse_alphas("target:age:-1,1").attribute == "age"  # type: ignore[union-attr]
    assert parse_alphas("target: age :bins:-1,0,1") == Target(attribute="age", scores=bins)
    assert parse_alphas("target:age:normal:0,1") == Target(
        attribute="age", scores=Normal(mean=0.0, deviation=1.0)
    )
    for words in ("target:a:b:1", "target:uniform:1", "target", "bins:1", "bins:1,1", "a:bins:0,1"):
        with pytest.raises(ValueError, match="alpha must look like"):
            parse_alphas(words)

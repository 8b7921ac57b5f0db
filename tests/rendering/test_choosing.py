"""Forms of a layer are measured once, kept, and taken only where they fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from steerx.generators import StyleGAN2
from steerx.ops import _whole_layer
from steerx.ops._whole_layer import whole_layer
from steerx.rendering import (
    Choices,
    FusedRenderer,
    PlainRenderer,
    SampleNoise,
    choosing,
    fused,
)
from tests.rendering.networks import WHOLE_CHANNELS, generator


@pytest.fixture(scope="module")
def G() -> StyleGAN2:
    return generator()


Clock = dict[str, float]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> tuple[Clock, list[str]]:
    """Seconds that each form takes, and the forms that were timed."""
    times: Clock = {"transposed": 2.0, "dense": 1.0, "plain": 1.0, "whole": 3.0}
    timed: list[str] = []

    def seconds(work: Any, device: torch.device) -> float:
        work()
        timed.append(work.args[1])
        return times[timed[-1]]

    monkeypatch.setattr(choosing, "_seconds", seconds)
    return times, timed


def measured(G: StyleGAN2, file: Path | None = None, **options: Any) -> FusedRenderer:
    return FusedRenderer(G.synthesis, up="measured", choices=Choices(file), **options)


def test_the_faster_form_is_measured_once(G: StyleGAN2, clock: tuple[Clock, list[str]]) -> None:
    times, timed = clock
    styles = G.codes(seeds="0-1", space="styles")
    dense_one = FusedRenderer(G.synthesis, up="dense").render(styles)
    first = measured(G)
    assert torch.equal(first.render(styles), dense_one)
    count = len(timed)
    assert count == 2 * 2 * 5  # upsampling layers x forms x rounds
    assert torch.equal(first.render(styles), dense_one) and len(timed) == count
    first.render([s[:1] for s in styles])  # another batch size
    assert len(timed) == 2 * count
    times["dense"] = 3.0
    transposed = FusedRenderer(G.synthesis, up="transposed").render(styles)
    assert torch.equal(measured(G).render(styles), transposed)


def test_renderers_of_a_process_share_their_choices(
    G: StyleGAN2, clock: tuple[Clock, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fused, "PROCESS", Choices())
    styles = G.codes(seeds="0-1", space="styles")
    for _ in range(2):
        FusedRenderer(G.synthesis, up="measured").render(styles)
    assert len(clock[1]) == 2 * 2 * 5


def test_the_next_process_measures_nothing(
    G: StyleGAN2,
    clock: tuple[Clock, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    times, timed = clock
    file, styles = tmp_path / "forms.json", G.codes(seeds="0-1", space="styles")
    expected = measured(G, file).render(styles)
    count = len(timed)
    times["dense"] = 9.0
    assert torch.equal(measured(G, file).render(styles), expected) and len(timed) == count
    # Of another device or version, ours too, nothing is known, and a file of another kind says nothing.
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(choosing, "_machine", lambda device: ("another", "2.0"))
        measured(G, file).render(styles)
    assert len(timed) == 2 * count
    with monkeypatch.context() as later:
        later.setattr(choosing, "_own_version", lambda: "99.0")
        measured(G, file).render(styles)
    assert len(timed) == 3 * count
    assert torch.equal(measured(G, file).render(styles), expected) and len(timed) == 3 * count
    for text in ("[]", "{", "\udcff", '{"a": 1}', "[" * 10**5, "1" * (1 << 21)):
        file.write_text(text, errors="surrogateescape")
        before = len(timed)
        measured(G, file).render(styles)
        assert len(timed) == before + count, text[:9]


def test_choices_that_cannot_be_kept_are_no_error(
    G: StyleGAN2, clock: tuple[Clock, list[str]], tmp_path: Path
) -> None:
    measured(G, tmp_path / "no folder" / "forms.json").render(G.codes(seeds="0", space="styles"))
    assert clock[1]


def test_a_form_that_no_layer_can_take_is_measured_anew(
    G: StyleGAN2, clock: tuple[Clock, list[str]], tmp_path: Path
) -> None:
    file, styles = tmp_path / "forms.json", G.codes(seeds="0-1", space="styles")
    expected = measured(G, file).render(styles)
    file.write_text(file.read_text().replace(': "dense"', ': "whole"'))
    count = len(clock[1])
    assert torch.equal(measured(G, file).render(styles), expected)
    assert len(clock[1]) == 2 * count


@pytest.fixture
def whole_calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[torch.Size, bool]]:
    calls: list[tuple[torch.Size, bool]] = []

    def kernel(x: torch.Tensor, weight: torch.Tensor, **parts: Any) -> None:
        assert x.is_contiguous() and weight.is_contiguous()
        calls.append((weight.shape, parts["blur"] is not None))
        whole_layer(x, weight, **parts)

    monkeypatch.setattr(fused, "serves", lambda device: True)
    monkeypatch.setattr(fused, "whole_layer", kernel)
    return calls


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_whole_layers_are_those_of_the_plain_renderer(
    whole_calls: list[tuple[torch.Size, bool]], dtype: torch.dtype
) -> None:
    G = generator(1, clamp=1.5, channels=WHOLE_CHANNELS)
    styles = G.codes(seeds="0-2", space="styles")
    noise = SampleNoise(5, torch.tensor([3, 1, 4]))
    truth = PlainRenderer(G.synthesis).render(styles, noise=noise)
    apart = FusedRenderer(G.synthesis, dtype=dtype).render(styles, noise=noise)
    assert not whole_calls
    found = FusedRenderer(G.synthesis, dtype=dtype, whole=True).render(styles, noise=noise)
    assert [blurred for _, blurred in whole_calls] == [False, True, False, True, False]
    assert (found - truth).norm() <= 1.2 * (apart - truth).norm()


def test_whole_layers_are_taken_only_where_they_fit(
    whole_calls: list[tuple[torch.Size, bool]],
    clock: tuple[Clock, list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    G = generator(2, channels={4: 10, 8: 128, 16: 8})
    styles = G.codes(seeds="0-2", space="styles")
    FusedRenderer(G.synthesis, whole=True).render(styles)
    assert not whole_calls  # float32
    half = FusedRenderer(G.synthesis, dtype=torch.float16, whole=True)
    half.render(styles)  # 10 channels have no packs, 128 are too many without upsampling
    assert [shape[:1] for shape, _ in whole_calls] == [(8,), (8,)]
    for seconds, chosen in ((3.0, 0), (0.5, 2)):
        clock[0]["whole"] = seconds
        renderer = measured(G, dtype=torch.float16, whole=True)
        renderer.render(styles)
        whole_calls.clear()
        renderer.render(styles)
        assert len(whole_calls) == chosen
    assert [shape[:1] for shape, _ in whole_calls] == [(8,), (8,)]
    whole_calls.clear()
    monkeypatch.setattr(fused, "serves", _whole_layer.serves)
    half.render(styles)
    assert not whole_calls  # a CPU


def test_an_old_gpu_keeps_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before sm_80 there is no cp.async."""
    monkeypatch.setattr(_whole_layer, "has_kernel", lambda name, key: True)
    for capability, runs in (((7, 5), False), ((8, 0), True), ((9, 0), True)):
        _whole_layer.serves.cache_clear()
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device, c=capability: c)
        assert _whole_layer.serves(torch.device("cuda")) is runs
        assert not _whole_layer.serves(torch.device("cpu"))
    monkeypatch.setattr(_whole_layer, "has_kernel", lambda name, key: False)
    _whole_layer.serves.cache_clear()
    assert not _whole_layer.serves(torch.device("cuda"))
    _whole_layer.serves.cache_clear()

"""The fused renderer answers as the plain one does."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from steerx.checkpoints import StyleGAN2Config
from steerx.generators import StyleGAN2
from steerx.ops import _whole_layer
from steerx.ops._whole_layer import whole_layer
from steerx.rendering import (
    Choices,
    FusedRenderer,
    LayerState,
    NativeRenderer,
    PlainRenderer,
    Policy,
    SampleNoise,
    choosing,
    fused,
    graphs,
)
from steerx.rendering.convolution import convolve, demodulation, dense, kernel, scaled
from steerx.rendering.fused import separable_taps


def generator(
    seed: int = 0, *, clamp: float | None = None, channels: dict[int, int] | None = None
) -> StyleGAN2:
    """16 px, with channels of which the pass makes the picture (16) and of which it does not (10)."""
    torch.manual_seed(seed)
    config = StyleGAN2Config(
        z_dim=8,
        c_dim=0,
        w_dim=12,
        resolution=16,
        img_channels=3,
        channels=channels or {4: 10, 8: 16, 16: 8},
        mapping_layers=2,
        embed_dim=0,
        conv_clamp=clamp,
    )
    G = StyleGAN2(config)
    with torch.no_grad():
        for name, parameter in G.named_parameters():
            if name.endswith(("bias", "noise_strength")):
                parameter.add_(0.3 * torch.randn_like(parameter))
    return G.requires_grad_(False).eval()


@pytest.fixture(scope="module")
def G() -> StyleGAN2:
    return generator()


def renderers(G: StyleGAN2, **options: Any) -> tuple[PlainRenderer, FusedRenderer]:
    return PlainRenderer(G.synthesis), FusedRenderer(G.synthesis, **options)


@pytest.mark.parametrize("up", ["transposed", "dense"])
@pytest.mark.parametrize("clamp", [None, 0.7])
@pytest.mark.parametrize("noise", ["const", "none", "sample"])
def test_pictures_are_those_of_the_plain_renderer(up: Any, clamp: float | None, noise: Any) -> None:
    G = generator(1, clamp=clamp)
    plain, fused = renderers(G, up=up)
    styles = G.codes(seeds="0-4", space="styles")
    how = SampleNoise(5, torch.tensor([3, 1, 4, 1, 5])) if noise == "sample" else noise
    expected = plain.render(styles, noise=how)
    found = fused.render(styles, noise=how)
    assert found.shape == expected.shape and found.dtype == expected.dtype
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    pixels = fused.render(styles, noise=how, out="uint8")
    difference = pixels.int() - plain.render(styles, noise=how, out="uint8").int()
    assert difference.abs().max() <= 1 and (difference != 0).float().mean() < 1e-3


@pytest.mark.parametrize(
    "channels", [{4: 16, 8: 4, 16: 64}, {4: 7, 8: 5, 16: 3}, {4: 256, 8: 24, 16: 128}]
)
def test_every_width_of_the_layers(channels: dict[int, int]) -> None:
    G = generator(2, channels=channels)
    plain, fused = renderers(G)
    styles = G.codes(seeds="0-1", space="styles")
    torch.testing.assert_close(fused.render(styles), plain.render(styles), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("stop", range(5))
def test_stopping_and_going_on(G: StyleGAN2, stop: int) -> None:
    plain, fused = renderers(G)
    styles = G.codes(seeds="0-2", space="styles")
    state, expected = fused.render(styles, stop=stop), plain.render(styles, stop=stop)
    assert isinstance(state, LayerState) and state.index == stop
    torch.testing.assert_close(state.x, expected.x, rtol=1e-5, atol=1e-5)
    if expected.rgb is None:
        assert state.rgb is None
    else:
        torch.testing.assert_close(state.rgb, expected.rgb, rtol=1e-5, atol=1e-5)
    whole = plain.render(styles)
    for start in (state, expected):  # either renderer goes on from the other's state
        torch.testing.assert_close(fused.render(styles, state=start), whole, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(plain.render(styles, state=state), whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_errs_no_more_than_the_plain_renderer(
    G: StyleGAN2, dtype: torch.dtype
) -> None:
    styles = G.codes(seeds="0-3", space="styles")
    truth = PlainRenderer(G.synthesis).render(styles)
    plain = PlainRenderer(G.synthesis, dtype=dtype).render(styles)
    for up in ("transposed", "dense"):
        fused = FusedRenderer(G.synthesis, dtype=dtype, up=up).render(styles)  # type: ignore[arg-type]
        assert fused.dtype == torch.float32
        assert (fused - truth).norm() <= 1.25 * (plain - truth).norm()


@pytest.mark.parametrize("size", [0.0, 1e-20, 1e-8, 1e5, 1e15])
def test_styles_of_any_size_compute_one_truth(G: StyleGAN2, size: float) -> None:
    """The scales cancel in the demodulation and in nothing else; zeros make no NaN."""
    styles = G.codes(seeds="0-1", space="styles")
    rows = [s * size if not row.to_rgb else s for row, s in zip(G.style_rows, styles, strict=True)]
    G64 = generator().double()
    truth = G64.synthesis.run([s.double() for s in rows]).float()
    for dtype in (torch.float32, torch.float16):
        found = FusedRenderer(G.synthesis, dtype=dtype).render(rows)
        tolerance = 2e-5 if dtype == torch.float32 else 2e-2
        torch.testing.assert_close(found, truth, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("size", [0.0, 1e-30, 1.0, 1e25])
def test_a_filter_of_zeros_makes_no_nan(size: float) -> None:
    """A huge style leaves nothing of eps, and nothing else stands under the root."""
    packed = kernel(torch.zeros(3, 4, 3, 3), "plain", torch.float32)
    factor = demodulation(scaled(torch.full((2, 4), size)), packed)
    assert (factor * 0).eq(0).all()


@pytest.mark.parametrize("size", [1e3, 1e5])
def test_large_styles_of_the_picture_do_not_overflow_half_precision(
    G: StyleGAN2, size: float
) -> None:
    styles = G.codes(seeds="0-1", space="styles")
    rows = [s * size if row.to_rgb else s for row, s in zip(G.style_rows, styles, strict=True)]
    found = FusedRenderer(G.synthesis, dtype=torch.float16).render(rows)
    truth = PlainRenderer(G.synthesis).render(rows)
    assert found.isfinite().all()
    torch.testing.assert_close(found / size, truth / size, rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize("up", ["transposed", "dense"])
def test_convolutions_of_large_activations_do_not_overflow_half_precision(up: Any) -> None:
    """Before demodulation sums of 9 I terms stand in float16: without headroom +inf meets -inf in the blur."""
    G = generator(7, clamp=256.0, channels={4: 128, 8: 128, 16: 8})
    signs = torch.tensor([1.0, -1.0, 1.0])
    for layer in G.synthesis.layers:
        layer.weight.copy_((signs[:, None] * signs).expand_as(layer.weight))
        layer.noise_strength.zero_()
    G.synthesis.layers[0].weight.fill_(1.0)
    G.synthesis.const.fill_(200.0)
    styles = [torch.ones(2, row.channels) for row in G.style_rows]
    truth = PlainRenderer(copy.deepcopy(G).double().synthesis)
    expected = truth.render([s.double() for s in styles]).float()
    found = FusedRenderer(G.synthesis, dtype=torch.float16, up=up).render(styles)
    assert found.isfinite().all()
    assert (found - expected).norm() <= 3e-3 * expected.norm()


def test_a_lopsided_filter_takes_the_general_operator(G: StyleGAN2) -> None:
    G = generator(3)
    G.synthesis.filter.copy_(torch.rand(4, 4) / 8)
    plain, fused = renderers(G)
    assert separable_taps(G.synthesis.filter) is None
    styles = G.codes(seeds="0-1", space="styles")
    torch.testing.assert_close(fused.render(styles), plain.render(styles), rtol=1e-5, atol=1e-5)
    G.synthesis.filter.copy_(torch.outer(*[torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8] * 2))
    assert separable_taps(G.synthesis.filter) == [0.25, 0.75, 0.75, 0.25]
    torch.testing.assert_close(fused.render(styles), plain.render(styles), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "filter",
    [
        torch.outer(torch.tensor([1.0, 3.0, 3.0, 1.0]), torch.tensor([1.0, 2.0, 3.0, 2.0])),
        torch.outer(torch.tensor([1.0, 2.0, 1.0]), torch.tensor([1.0, 2.0, 1.0])),
        torch.eye(4),
        torch.zeros(4, 4),
        -torch.ones(4, 4),
    ],
)
def test_filters_that_the_blur_cannot_do(filter: torch.Tensor) -> None:
    assert separable_taps(filter) is None


def test_gradients_go_through_the_plain_renderer(G: StyleGAN2) -> None:
    styles = [s.requires_grad_() for s in G.codes(seeds="0-1", space="styles")]
    FusedRenderer(G.synthesis).render(styles).sum().backward()
    assert all(s.grad is not None and s.grad.abs().sum() > 0 for s in styles)


@pytest.mark.parametrize("renderer", [FusedRenderer, NativeRenderer])
@pytest.mark.parametrize("name", ["layers.1.bias", "layers.2.noise_strength", "to_rgbs.1.bias"])
def test_any_parameter_may_ask_for_its_gradient(renderer: Any, name: str) -> None:
    G = generator(3)
    styles = G.codes(seeds="0-1", space="styles")
    asking = G.synthesis.get_parameter(name).requires_grad_()
    renderer(G.synthesis).render(styles).sum().backward()
    assert asking.grad is not None and asking.grad.any()


@pytest.mark.parametrize("renderer", [FusedRenderer, NativeRenderer])
def test_the_picture_so_far_may_ask_for_a_gradient(G: StyleGAN2, renderer: Any) -> None:
    styles = G.codes(seeds="0-1", space="styles")
    state = renderer(G.synthesis).render(styles, stop=2)
    rgb = state.rgb.requires_grad_()
    renderer(G.synthesis).render(styles, state=state).sum().backward()
    assert rgb.grad is not None and rgb.grad.any()


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*batching rule:UserWarning")
@pytest.mark.parametrize("renderer", [FusedRenderer, NativeRenderer])
def test_forward_mode_is_refused_and_not_cut_off(G: StyleGAN2, renderer: Any) -> None:
    first, *others = G.codes(seeds="0-1", space="styles")

    def picture(style: torch.Tensor) -> torch.Tensor:
        return renderer(G.synthesis).render([style, *others])

    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(first, torch.ones_like(first))
        with pytest.raises(NotImplementedError, match="no forward-mode derivative"):
            picture(dual)
    with pytest.raises(NotImplementedError, match="no forward-mode derivative"):
        torch.func.jvp(picture, (first,), (first,))
    each = torch.vmap(picture)(torch.stack((first, 2 * first)))
    torch.testing.assert_close(each[1], picture(2 * first), rtol=1e-5, atol=1e-5)


def test_an_edited_weight_is_packed_anew() -> None:
    G = generator(4)
    plain, fused = renderers(G)
    styles = G.codes(seeds="0", space="styles")
    before = fused.render(styles)
    G.synthesis.layers[2].weight.mul_(-0.5)
    after = fused.render(styles)
    torch.testing.assert_close(after, plain.render(styles), rtol=1e-5, atol=1e-5)
    assert not torch.allclose(before, after)


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


# The kernel's place, taken by its reference: what the renderer gives it and when.
WHOLE = {4: 16, 8: 16, 16: 8}


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
    G = generator(1, clamp=1.5, channels=WHOLE)
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


def test_autocast_does_not_reach_inside(G: StyleGAN2) -> None:
    styles = G.codes(seeds="0-1", space="styles")
    fused = FusedRenderer(G.synthesis)
    plain = fused.render(styles)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(fused.render(styles), plain)


def test_a_recording_may_begin_in_inference_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the CPU in the place of the recording: what is kept must be writable outside it."""

    class Recorded:
        def replay(self) -> None:
            self.output.copy_(self.inputs[0] * 2)

    def record(inputs: Any, work: Any) -> Any:
        own = [tensor.clone() for tensor in inputs]
        graph = Recorded()
        graph.inputs, graph.output = own, work(own)  # type: ignore[attr-defined]
        return graphs._Recording(graph, own, graph.output)  # type: ignore[arg-type, attr-defined]

    monkeypatch.setattr(graphs.Graphs, "_record", staticmethod(record))
    kept = graphs.Graphs(most=1)
    with torch.inference_mode():
        first = kept.run("key", [torch.ones(2)], lambda inputs: inputs[0] * 2)
    second = kept.run("key", [torch.full((2,), 3.0)], lambda inputs: inputs[0] * 2)
    assert first.tolist() == [2.0, 2.0] and second.tolist() == [6.0, 6.0]
    kept.run("other", [torch.ones(2)], lambda inputs: inputs[0] * 2)
    assert [key for key, _ in kept._kept] == ["other"]  # type: ignore[misc]


def test_a_recording_in_use_is_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that comes between another's inputs and its replay would else get or give a wrong picture."""
    kept, made, results = graphs.Graphs(), [], []

    class Recorded:
        def replay(self) -> None:
            if len(made) == 1 and not results:  # another thread, at the worst moment
                results.append(kept.run("key", [torch.full((1,), 9.0)], lambda inputs: inputs[0]))
            self.output.copy_(self.inputs[0] * 2)

    def record(inputs: Any, work: Any) -> Any:
        graph = Recorded()
        graph.inputs, graph.output = [t.clone() for t in inputs], inputs[0] * 2  # type: ignore[attr-defined]
        made.append(graph)
        return graphs._Recording(graph, graph.inputs, graph.output)  # type: ignore[arg-type, attr-defined]

    monkeypatch.setattr(graphs.Graphs, "_record", staticmethod(record))
    own = kept.run("key", [torch.ones(1)], lambda inputs: inputs[0])
    assert own.item() == 2.0 and results[0].item() == 18.0
    assert len(made) == 2 and len(kept._kept) == 1


def test_a_copy_packs_and_records_anew(G: StyleGAN2) -> None:
    renderer = FusedRenderer(G.synthesis, graphs=True)
    styles = G.codes(seeds="0-1", space="styles")
    expected = renderer.render(styles)
    assert renderer.graphs is not None
    renderer.graphs._kept["a recording"] = (i for i in range(1))  # type: ignore[assignment]
    for other in (copy.deepcopy(renderer), pickle.loads(pickle.dumps(renderer))):
        assert not other.graphs._kept and not other.packed._kept
        assert torch.equal(other.render(styles), expected)
        other.network.layers[2].weight.mul_(-1)
        assert not torch.equal(other.render(styles), expected)
    assert torch.equal(renderer.render(styles), expected)


@pytest.mark.cuda
def test_a_device_that_is_not_the_current_one() -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("there is one GPU")
    G = generator(5).to("cuda:1")
    styles = G.codes(seeds="0-2", space="styles")
    expected = FusedRenderer(G.synthesis).render(styles)
    with torch.cuda.device(0):
        for options in ({}, {"graphs": True}, {"up": "measured", "choices": Choices()}):
            found = FusedRenderer(G.synthesis, **options).render(styles)  # type: ignore[arg-type]
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.cuda
@pytest.mark.parametrize("noise", ["const", "none", "sample"])
def test_recordings_are_what_they_recorded(noise: Any) -> None:
    G = generator(5).to("cuda")
    eager = FusedRenderer(G.synthesis, policy=Policy(benchmark=False, deterministic=True))
    replayed = FusedRenderer(G.synthesis, policy=eager.policy, graphs=True)
    for seeds, edit in (("0-2", False), ("3-5", False), ("0-6", False), ("3-5", True)):
        if edit:
            G.synthesis.layers[2].bias.add_(0.5)
        styles = G.codes(seeds=seeds, space="styles")
        ids = torch.arange(len(styles[0]), device="cuda")
        how = SampleNoise(3, ids) if noise == "sample" else noise
        assert torch.equal(replayed.render(styles, noise=how), eager.render(styles, noise=how))


@pytest.mark.cuda
def test_a_recording_draws_new_noise_every_time() -> None:
    G = generator(5).to("cuda")
    renderer = FusedRenderer(G.synthesis, graphs=True)
    styles = G.codes(seeds="0", space="styles")
    first, second = (renderer.render(styles, noise="random") for _ in range(2))
    assert not torch.equal(first, second)


@pytest.mark.cuda
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("up", ["transposed", "dense", "measured"])
def test_cuda_pictures_are_those_of_the_cpu(dtype: torch.dtype, up: Any, whole: bool) -> None:
    G = generator(6, clamp=4.0, channels=WHOLE)
    styles = G.codes(seeds="0-3", space="styles")
    noise = SampleNoise(2, torch.arange(4))
    truth = PlainRenderer(G.synthesis).render(styles, noise=noise)
    here = FusedRenderer(G.synthesis, dtype=dtype).render(styles, noise=noise)
    G = G.to("cuda")
    there = FusedRenderer(G.synthesis, dtype=dtype, up=up, whole=whole)
    found = there.render([s.cuda() for s in styles], noise=SampleNoise(2, noise.ids.cuda())).cpu()
    assert (found - truth).norm() <= 1.5 * (here - truth).norm() + 1e-5 * truth.norm()


def test_an_empty_batch_and_what_does_not_fit(G: StyleGAN2) -> None:
    _, fused = renderers(G)
    styles = G.codes(seeds="0-1", space="styles")
    assert fused.render([s[:0] for s in styles]).shape == (0, 3, 16, 16)
    with pytest.raises(ValueError, match="styles must be a list"):
        fused.render(styles[:-1])
    with pytest.raises(ValueError, match="start must be 0"):
        fused.render(styles, start=2)
    with pytest.raises(ValueError, match='out must be "float"'):
        fused.render(styles, out="int8")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="one id per image"):
        fused.render(styles, noise=SampleNoise(0, torch.tensor([1])))


@pytest.mark.parametrize("renderer", [PlainRenderer, FusedRenderer, NativeRenderer])
def test_what_is_no_style_is_refused_by_name(G: StyleGAN2, renderer: Any) -> None:
    made = renderer(G.synthesis)
    styles = G.codes(seeds="0-1", space="styles")
    state = made.render(styles, stop=2)

    def with_third(style: Any) -> list[Any]:
        return [*styles[:2], style, *styles[3:]]

    for wrong in (styles[2].int(), styles[2].to(torch.complex64), None):
        with pytest.raises(TypeError, match="render: styles of 8:conv0 must be"):
            made.render(with_third(wrong))
    with pytest.raises(ValueError, match="render: all tensors must be on one device"):
        made.render(with_third(styles[2].to("meta")))
    for part in ("x", "rgb"):
        tensor = getattr(state, part)
        with pytest.raises(TypeError, match=f"render: state.{part} must be of a floating"):
            made.render(styles, state=replace(state, **{part: tensor.int()}))
        with pytest.raises(ValueError, match="render: all tensors must be on one device"):
            made.render(styles, state=replace(state, **{part: tensor.to("meta")}))
    for ids in (torch.zeros(2), torch.zeros(2, dtype=torch.int32), [0, 1]):
        with pytest.raises(TypeError, match="render: SampleNoise needs int64 ids"):
            made.render(styles, noise=SampleNoise(0, ids))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="one device"):
        made.render(styles, noise=SampleNoise(0, torch.arange(2).to("meta")))
    strided = SampleNoise(0, torch.arange(4)[::2])
    whole = SampleNoise(0, torch.tensor([0, 2]))
    assert torch.equal(made.render(styles, noise=strided), made.render(styles, noise=whole))


def test_the_dense_form_is_the_transposed_convolution() -> None:
    torch.manual_seed(0)
    weight, x = torch.randn(5, 3, 3, 3), torch.randn(2, 3, 6, 4)
    assert dense(weight).shape == (20, 3, 2, 2)
    from steerx.ops._epilogue import unshuffled

    transposed = convolve(x, kernel(weight, "transposed", torch.float32), Policy())
    phases = convolve(x, kernel(weight, "dense", torch.float32), Policy())
    assert transposed.shape == (2, 13, 9, 5) and phases.shape == (2, 7, 5, 4, 5)
    torch.testing.assert_close(unshuffled(phases), transposed, rtol=1e-5, atol=1e-5)


def test_scales_are_largest_magnitudes() -> None:
    style = torch.tensor([[0.0, 0.0], [1e-30, -4e-30], [3.0, float("nan")]])
    found = scaled(style)
    assert found.scale[:2].flatten().tolist() == pytest.approx([1.0, 4e-30])
    assert found.unit[0].tolist() == [0.0, 0.0] and found.unit[1].tolist() == [0.25, -1.0]
    assert found.unit[2].isnan().tolist() == [False, True]  # NaN stays where it came from

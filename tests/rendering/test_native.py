"""The native renderer answers as the plain one does, from memory that is used again."""

from __future__ import annotations

import copy
import pickle
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch.nn.functional import conv2d, conv_transpose2d

import steerx
from steerx._pictures import to_uint8
from steerx.checkpoints import StyleGAN2Config
from steerx.generators import StyleGAN2
from steerx.ops import _epilogue, _library, _winograd
from steerx.rendering import NativeRenderer, PlainRenderer, SampleNoise, native, prepacked
from steerx.rendering.workspace import Workspace

BUILT = _library.has_kernel("_winograd", "CPU")
needs_kernels = pytest.mark.skipif(not BUILT, reason="no native library")
FORMS: tuple[_winograd.WinogradForm, ...] = ("plain", "transposed")


def generator(
    seed: int = 0, *, clamp: float | None = None, channels: dict[int, int] | None = None
) -> StyleGAN2:
    """32 px: filtered layers of one panel and of three, and one that the library convolves (24)."""
    torch.manual_seed(seed)
    channels = channels or {4: 24, 8: 16, 16: 48, 32: 32}
    config = StyleGAN2Config(
        z_dim=8,
        c_dim=0,
        w_dim=12,
        resolution=max(channels),
        img_channels=3,
        channels=channels,
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


@pytest.fixture
def filtered_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sides that are not worth it outside of a test."""
    monkeypatch.setattr(native, "_LEAST", {"plain": (4, 16), "transposed": (4, 16)})


def renderers(G: StyleGAN2, **options: Any) -> tuple[PlainRenderer, NativeRenderer]:
    return PlainRenderer(G.synthesis), NativeRenderer(G.synthesis, **options)


@pytest.mark.usefixtures("filtered_everywhere")
@pytest.mark.parametrize("clamp", [None, 0.7])
@pytest.mark.parametrize("noise", ["const", "none", "sample"])
def test_pictures_are_those_of_the_plain_renderer(clamp: float | None, noise: Any) -> None:
    G = generator(1, clamp=clamp)
    plain, ours = renderers(G)
    styles = G.codes(seeds="0-4", space="styles")
    how = SampleNoise(5, torch.tensor([3, 1, 4, 1, 5])) if noise == "sample" else noise
    expected, found = plain.render(styles, noise=how), ours.render(styles, noise=how)
    assert found.shape == expected.shape and found.dtype == expected.dtype
    torch.testing.assert_close(found, expected, rtol=2e-5, atol=2e-5)
    pixels = ours.render(styles, noise=how, out="uint8")
    difference = pixels.int() - plain.render(styles, noise=how, out="uint8").int()
    assert difference.abs().max() <= 1 and (difference != 0).float().mean() <= 1e-3


@pytest.mark.usefixtures("filtered_everywhere")
def test_the_whole_network_is_as_exact_as_promised() -> None:
    G = generator(2, channels={4: 32, 8: 32, 16: 64, 32: 32, 64: 16})
    styles = G.codes(seeds="0-3", space="styles")
    truth = PlainRenderer(copy.deepcopy(G.synthesis).double()).render([s.double() for s in styles])
    found = NativeRenderer(G.synthesis).render(styles)
    assert (found - truth).norm() <= 5e-6 * truth.norm()


def test_half_precision_errs_no_more_than_the_plain_renderer() -> None:
    G = generator(3)
    styles = G.codes(seeds="0-3", space="styles")
    truth = PlainRenderer(G.synthesis).render(styles)
    plain = PlainRenderer(G.synthesis, dtype=torch.bfloat16).render(styles)
    found = NativeRenderer(G.synthesis, dtype=torch.bfloat16).render(styles)
    assert found.dtype == torch.float32
    assert (found - truth).norm() <= 1.25 * (plain - truth).norm()


def test_half_precision_filters_wide_layers_where_that_is_faster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    G = generator(12, channels={4: 24, 8: 16, 16: 48, 32: 32, 64: 32})
    styles = G.codes(seeds="0-3", space="styles")
    truth = PlainRenderer(G.synthesis).render(styles)
    monkeypatch.setattr(native, "_has_matrix_units", lambda: True)
    direct = NativeRenderer(G.synthesis, dtype=torch.bfloat16)
    expected, states = direct.render(styles), [direct.render(styles, stop=i) for i in (6, 7, 8)]
    monkeypatch.setattr(native, "_has_matrix_units", lambda: False)
    monkeypatch.setattr(native, "_LEAST_HALF", (8, 32))
    filtered = NativeRenderer(G.synthesis, dtype=torch.bfloat16)
    found = filtered.render(styles)
    assert (found - truth).norm() <= (expected - truth).norm() or not BUILT
    assert (found - expected).norm() <= 1e-2 * truth.norm()
    for index, state in zip((6, 7, 8), states, strict=True):
        x = filtered.render(styles, stop=index).x
        assert x.dtype == torch.bfloat16
        assert (x.float() - state.x.float()).norm() <= 2e-2 * state.x.float().norm()


@needs_kernels
def test_float32_pictures_of_our_own_kernels_are_sample_exact() -> None:
    """Layers of every kind: gathered, filtered, gathered and filtered while upsampling."""
    G = generator(14, channels={4: 32, 8: 48, 16: 16, 32: 32, 64: 32, 128: 16})
    styles, ours = G.codes(seeds="0-4", space="styles"), NativeRenderer(G.synthesis)
    found, threads = ours.render(styles), torch.get_num_threads()
    truth = PlainRenderer(copy.deepcopy(G.synthesis).double()).render([s.double() for s in styles])
    assert (found - truth).norm() <= 5e-6 * truth.norm()
    try:
        torch.set_num_threads(3)
        for some in (slice(0, 1), slice(1, 3), slice(2, 5)):
            assert torch.equal(ours.render([s[some] for s in styles]), found[some])
    finally:
        torch.set_num_threads(threads)


def test_matrix_units_make_layers_in_the_same_bits_for_any_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where there are none the same kernels multiply by floats."""
    monkeypatch.setattr(native, "_has_matrix_units", lambda: True)
    monkeypatch.setattr(native, "_LEAST_HALF", (1 << 20, 1))
    G = generator(13, clamp=2.0, channels={4: 32, 8: 64, 16: 32, 32: 32})
    styles = G.codes(seeds="0-3", space="styles")
    truth = PlainRenderer(G.synthesis).render(styles)
    plain = PlainRenderer(G.synthesis, dtype=torch.bfloat16).render(styles)
    ours = NativeRenderer(G.synthesis, dtype=torch.bfloat16)
    found = ours.render(styles)
    assert (found - truth).norm() <= 1.1 * (plain - truth).norm()
    if not BUILT:
        return
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        for n in range(4):
            assert torch.equal(ours.render([s[n : n + 1] for s in styles])[0], found[n])
    finally:
        torch.set_num_threads(threads)
    monkeypatch.setattr(native, "_has_matrix_units", lambda: False)
    library = NativeRenderer(G.synthesis, dtype=torch.bfloat16).render(styles)
    assert 0 < (library - found).norm() <= 1e-2 * truth.norm()


def test_the_library_keeps_its_layout_for_any_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    if not prepacked.serves():
        pytest.skip("this processor or torch has no such convolutions")
    monkeypatch.setattr(native._direct, "takes", lambda outputs, inputs: False)
    G = generator(9)
    ours = NativeRenderer(G.synthesis, dtype=torch.bfloat16)
    styles = G.codes(seeds="0-3", space="styles")
    ours.render([s[:1] for s in styles])  # the layout is made for one picture
    found = ours.render(styles)
    assert torch.equal(copy.deepcopy(ours).render(styles), found)
    G.synthesis.layers[4].weight.mul_(-0.5)
    edited = ours.render(styles)
    monkeypatch.setattr(prepacked, "serves", lambda: False)
    again = NativeRenderer(G.synthesis, dtype=torch.bfloat16).render(styles)
    assert (edited - again).norm() <= 2e-2 * again.norm() < (edited - found).norm()
    G.synthesis.layers[4].weight.mul_(-2)
    before = NativeRenderer(G.synthesis, dtype=torch.bfloat16).render(styles)
    assert (before - found).norm() <= 2e-2 * found.norm()
    assert ours.render([s[:0] for s in styles]).shape == (0, 3, 32, 32)


@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
@pytest.mark.parametrize("last", [32, 24])  # filtered, and convolved by the library
def test_pixels_out_of_the_last_pass_are_those_of_the_float_picture(
    last: int, dtype: torch.dtype | None
) -> None:
    G = generator(10, clamp=2.0, channels={4: 24, 8: 16, 16: 48, 32: last})
    ours = NativeRenderer(G.synthesis, dtype=dtype)
    styles = [3 * s for s in G.codes(seeds="0-4", space="styles")]  # some pixels are clamped
    how = SampleNoise(5, torch.tensor([3, 1, 4, 1, 5]))
    picture, pixels = ours.render(styles, noise=how), ours.render(styles, noise=how, out="uint8")
    assert torch.equal(pixels, to_uint8(picture)) and pixels.is_contiguous()
    assert pixels.amin() == 0 and pixels.amax() == 255
    state = ours.render(styles, noise=how, stop=5)
    rest = ours.render(styles, state=state, noise=how)
    assert torch.equal(ours.render(styles, state=state, noise=how, out="uint8"), to_uint8(rest))


@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
@pytest.mark.parametrize("noise", ["const", "sample"])
def test_large_batches_are_convolved_in_pieces(
    noise: Any, dtype: torch.dtype | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    G = generator(11)
    ours = NativeRenderer(G.synthesis, dtype=dtype)
    styles = G.codes(seeds="0-4", space="styles")
    how = SampleNoise(5, torch.tensor([3, 1, 4, 1, 5])) if noise == "sample" else noise
    whole = ours.render(styles, noise=how)
    for most in (1, 200_000):
        monkeypatch.setattr(native, "_MOST_BYTES", most)
        allowed = 2e-5 if dtype is None else 1e-2
        assert (ours.render(styles, noise=how) - whole).norm() <= allowed * whole.norm()


def test_half_precision_shows_the_edits_that_float32_shows() -> None:
    """Its error does not grow with the edit, so what changes a picture by 7 % is right within 5 %."""
    G = steerx.load("faces")
    w = G.codes(seeds="0-15", space="w")
    variances, axes = torch.linalg.eigh(torch.cov(G.codes(seeds="0-499", space="w").T))
    exact, half = (NativeRenderer(G.synthesis, dtype=d) for d in (None, torch.bfloat16))

    def moved(renderer: NativeRenderer, step: torch.Tensor) -> torch.Tensor:
        codes = [v[:, None].expand(-1, G.num_ws, -1) for v in (w + step, w)]
        one, other = (renderer.render(G.styles(code)) for code in codes)
        return one - other

    for axis in (-1, -2, -3, -4):
        step = axes[:, axis] * variances[axis].sqrt()
        right = moved(exact, step)
        assert (moved(half, step) - right).norm() <= 0.05 * right.norm()


def test_float16_is_rendered_in_float32_and_says_so() -> None:
    G = generator(3)
    styles = G.codes(seeds="0", space="styles")
    with pytest.warns(UserWarning, match="float16 is slow on a CPU"):
        ours = NativeRenderer(G.synthesis, dtype=torch.float16)
    assert torch.equal(ours.render(styles), NativeRenderer(G.synthesis).render(styles))


@pytest.mark.usefixtures("filtered_everywhere")
@pytest.mark.parametrize("stop", range(7))
def test_stopping_and_going_on(stop: int) -> None:
    G = generator(4)
    plain, ours = renderers(G)
    styles = G.codes(seeds="0-2", space="styles")
    state, expected = ours.render(styles, stop=stop), plain.render(styles, stop=stop)
    torch.testing.assert_close(state.x, expected.x, rtol=2e-5, atol=2e-5)
    whole = plain.render(styles)
    ours.render([2 * s for s in styles])  # what was returned lies in no buffer that is used again
    torch.testing.assert_close(ours.render(styles, state=state), whole, rtol=2e-5, atol=2e-5)
    torch.testing.assert_close(plain.render(styles, state=state), whole, rtol=2e-5, atol=2e-5)


@pytest.mark.usefixtures("filtered_everywhere")
def test_a_picture_outlives_the_next_one_and_its_mode() -> None:
    G = generator(5)
    _, ours = renderers(G)
    first, second = (G.codes(seeds=s, space="styles") for s in ("0-2", "3-8"))
    with torch.inference_mode():
        before = ours.render(first).clone()
    kept = ours.render(first)
    ours.render(second)
    assert torch.equal(kept, before)
    assert torch.equal(ours.render(first), before)  # a smaller batch in larger buffers


@pytest.mark.usefixtures("filtered_everywhere")
def test_two_threads_do_not_write_into_each_other() -> None:
    G = generator(6)
    _, ours = renderers(G)
    codes = [G.codes(seeds=f"{n}-{n + 1}", space="styles") for n in range(4)]
    expected = [ours.render(styles) for styles in codes]
    with ThreadPoolExecutor(2) as pool:
        for _ in range(5):
            for found, right in zip(pool.map(ours.render, codes), expected, strict=True):
                assert torch.equal(found, right)


@pytest.mark.usefixtures("filtered_everywhere")
def test_an_edited_weight_is_packed_anew() -> None:
    G = generator(7)
    plain, ours = renderers(G)
    styles = G.codes(seeds="0", space="styles")
    before = ours.render(styles)
    G.synthesis.layers[3].weight.mul_(-0.5)
    G.synthesis.layers[4].weight.mul_(-0.5)
    after = ours.render(styles)
    torch.testing.assert_close(after, plain.render(styles), rtol=2e-5, atol=2e-5)
    assert not torch.allclose(before, after)


def test_gradients_and_empty_batches() -> None:
    G = generator(8)
    plain, ours = renderers(G)
    styles = [s.requires_grad_() for s in G.codes(seeds="0-1", space="styles")]
    assert torch.equal(ours.render(styles), plain.render(styles))
    (gradient,) = torch.autograd.grad(ours.render(styles).sum(), styles[0])
    assert gradient.abs().sum() > 0
    assert ours.render([s[:0].detach() for s in styles]).shape == (0, 3, 32, 32)


def test_load_makes_it_and_copies_have_memory_of_their_own() -> None:
    G = steerx.load("faces", renderer="native")
    assert G.renderer.name == "native"
    styles = G.codes(seeds="0", space="styles")
    picture = G.renderer.render(styles)
    expected = steerx.load("faces").renderer.render(styles)
    assert (picture - expected).norm() <= 5e-6 * expected.norm()
    assert isinstance(G.renderer, NativeRenderer)
    other = copy.deepcopy(G.renderer)
    assert other.workspace is not G.renderer.workspace and not other.workspace._kept
    assert torch.equal(other.render(styles), picture)


def test_a_workspace_grows_and_is_taken_again() -> None:
    workspace = Workspace()
    first = workspace.take("x", (2, 3), torch.float32)
    assert workspace.take("x", (6,), torch.float32).data_ptr() == first.data_ptr()
    assert workspace.take("x", (6,), torch.bfloat16).data_ptr() != first.data_ptr()
    assert workspace.take("x", (7,), torch.float32).numel() == 7
    assert workspace.take("x", (0, 4), torch.float32).shape == (0, 4)
    assert not pickle.loads(pickle.dumps(workspace))._kept


def test_the_end_of_a_thread_gives_its_memory_back() -> None:
    workspace = Workspace()
    buffers: list[weakref.ref[torch.Tensor]] = []

    def work() -> None:
        workspace.take("x", (6,), torch.float32)
        buffers.extend(map(weakref.ref, workspace._kept.values()))

    own = workspace.take("x", (6,), torch.float32)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(buffers) == 1 and buffers[0]() is None
    assert workspace.take("x", (6,), torch.float32).data_ptr() == own.data_ptr()


def test_a_batch_that_does_not_fit_leaves_its_memory_to_a_smaller_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    G = generator(13)
    ours = NativeRenderer(G.synthesis)
    styles = G.codes(seeds="0-2", space="styles")
    picture = ours.render(styles)
    take = Workspace.take

    def full(self: Workspace, name: str, *rest: Any) -> torch.Tensor:
        if name == "styled 1":
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return take(self, name, *rest)

    monkeypatch.setattr(Workspace, "take", full)
    with pytest.raises(RuntimeError, match="can't allocate"):
        ours.render(styles)
    assert not ours.workspace._kept
    monkeypatch.undo()
    assert torch.equal(ours.render(styles), picture)


BLUR = [0.2, 0.8, 0.8, 0.2]


def problem(form: _winograd.WinogradForm, n: int = 3) -> tuple[Any, ...]:
    """x [N, H, W, I], a weight at its points, room for the kernels, the truth: convolved, and blurred."""
    torch.manual_seed(0)
    x, weight = torch.randn(n, 10, 7, 48), torch.randn(32, 48, 3, 3)
    nchw = x.permute(0, 3, 1, 2).double()
    if form == "plain":
        truth = conv2d(nchw, weight.double(), padding=1)
    else:
        truth = conv_transpose2d(nchw, weight.double().transpose(0, 1), stride=2)
        taps = torch.tensor(BLUR, dtype=torch.float64)
        blur = torch.outer(taps, taps).expand(32, 1, 4, 4)
        truth = conv2d(truth, blur, padding=1, groups=32)
    room = torch.empty(_winograd.room(form, 32, 48, torch.get_num_threads()))
    return x, _winograd.transformed(weight, form), room, truth.permute(0, 2, 3, 1)


def convolved(
    form: _winograd.WinogradForm,
    x: torch.Tensor,
    points: torch.Tensor,
    room: torch.Tensor,
    floats: int | None = None,
) -> torch.Tensor:
    """Without a tail; in bands of as much as `floats` hold."""
    n, h, w, _ = x.shape
    up = 2 if form == "transposed" else 1
    y = torch.full((n, up * h, up * w, 32), torch.nan)
    z, blur = None, None
    if form == "transposed":
        asked = _winograd.band(tuple(x.shape), 32, torch.get_num_threads())
        z, blur = torch.empty(floats or asked), BLUR
    _winograd.winograd(x, points, room, z, blur=blur, slope=1.0, gain=1.0, y=y)
    return y


@pytest.mark.parametrize("form", FORMS)
def test_filtering_is_the_convolution(form: _winograd.WinogradForm) -> None:
    x, points, room, truth = problem(form)
    assert (convolved(form, x, points, room) - truth).norm() <= 2e-6 * truth.norm()


@pytest.mark.parametrize("form", FORMS)
def test_its_reference_is_the_convolution(form: _winograd.WinogradForm) -> None:
    x, points, _, truth = problem(form)
    y = torch.empty(truth.shape)
    values = _epilogue.tail_values("", {"slope": 1.0, "gain": 1.0, "y": y})
    blur = BLUR if form == "transposed" else None
    _winograd.reference(x, points, torch.empty(0), None, blur, *values)
    assert (y - truth).norm() <= 1e-6 * truth.norm()


@needs_kernels
@pytest.mark.parametrize("form", FORMS)
def test_kernels_give_the_same_bits_for_any_batch_thread_count_and_room(
    form: _winograd.WinogradForm,
) -> None:
    x, points, room, _ = problem(form, 5)
    whole, threads = convolved(form, x, points, room), torch.get_num_threads()
    singles = [convolved(form, row[None], points, room) for row in x]
    assert torch.equal(torch.cat(singles), whole)
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            for floats in (room.numel() * count, 2 * _winograd.room(form, 32, 48, count) // 3):
                assert torch.equal(convolved(form, x, points, torch.empty(floats)), whole)
    finally:
        torch.set_num_threads(threads)


@needs_kernels
@pytest.mark.parametrize(("h", "w"), [(32, 5), (33, 4), (2, 3), (35, 1)])
def test_bands_of_any_size_give_the_same_bits(h: int, w: int) -> None:
    torch.manual_seed(2)
    x, weight = torch.randn(3, h, w, 16), torch.randn(32, 16, 3, 3)
    points = _winograd.transformed(weight, "transposed")
    room = torch.empty(_winograd.room("transposed", 32, 16, torch.get_num_threads()))
    row, sample = (2 * w + 1) * 32, (2 * h + 1) * (2 * w + 1) * 32
    whole = convolved("transposed", x, points, room, 3 * sample)
    assert whole.isfinite().all()
    for floats in (12 * row, 13 * row, 21 * row, 36 * row, sample, 2 * sample + 1, 9 * sample):
        assert torch.equal(convolved("transposed", x, points, room, floats), whole), floats
    if 11 * row < sample:
        with pytest.raises(RuntimeError, match="z is too small"):
            convolved("transposed", x, points, room, 11 * row)


def test_bands_hold_what_all_threads_work_on() -> None:
    row = 257 * 64
    assert _winograd.band((8, 128, 128, 128), 64, 1) == (8 * 3 + 4) * row
    assert _winograd.band((8, 128, 128, 128), 64, 2) == (8 * 6 + 4) * row
    assert _winograd.band((1, 128, 128, 128), 64, 99) == 257 * row  # a whole sample
    assert _winograd.band((8, 32, 32, 512), 512, 1) == 65 * 65 * 512
    assert _winograd.band((8, 32, 32, 512), 512, 2) == 3 * 65 * 65 * 512


@needs_kernels
@pytest.mark.parametrize("blur", [None, "pixels", "phases"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_pass_is_its_reference(blur: str | None, dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    n, h, w, o = 3, 6, 10, 21
    shape = {None: (n, h, w, o), "pixels": (n, h + 1, w + 1, o)}.get(
        blur, (n, h // 2 + 1, w // 2 + 1, 4, o)
    )
    given: dict[str, Any] = {
        "blur": None if blur is None else [0.25, 0.75, 0.75, 0.25],
        "shuffled": blur == "phases",
        "demodulation": torch.randn(n, o),
        "bias": torch.randn(o),
        "sample_ids": torch.tensor([7, 1, 1 << 40]),
        "noise_key": -5,
        "noise_strength": torch.tensor(0.3),
        "clamp": 1.5,
        "next_style": torch.randn(n, o),
    }
    if blur is None:
        given |= {
            "rgb_weight": torch.randn(n, 3, o),
            "rgb_bias": torch.randn(3),
            "rgb_clamp": 4.0,
            "skip": torch.randn(n, h // 2, w // 2, 3),
            "skip_taps": [0.25, 0.75, 0.75, 0.25],
        }
    x = torch.randn(shape).to(dtype)
    results = []
    for call in (_epilogue._call, _epilogue.reference):
        made = {"y": torch.full((n, h, w, o), torch.nan, dtype=dtype)}
        made["styled"] = made["y"].clone()
        if blur is None:
            made["rgb"] = torch.full((n, h, w, 3), torch.nan)
        names = [a.split()[-1].split("=")[0] for a in _epilogue.SCHEMA.split(", ")]
        names[-1] = "rgb"
        defaults = {"slope": 0.2, "gain": 2.0}
        every = defaults | given | made
        call(x, *(every.get(name) for name in names[1:]))
        results.append(made)
    for name, found in results[0].items():
        allowed = {torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float16: 2e-3}[dtype]
        torch.testing.assert_close(found, results[1][name], rtol=allowed, atol=allowed)


@needs_kernels
def test_kernels_refuse_what_would_harm_memory() -> None:
    x, points, room, _ = problem("plain")
    y = torch.empty(3, 10, 7, 32)
    refused: list[tuple[str, tuple[torch.Tensor, ...], dict[str, Any]]] = [
        ("x must be", (x.double(), points, room), {"y": y}),
        ("x must be", (x.transpose(1, 2), points, room), {"y": y}),
        ("weight must be", (x, points[:, :, 1:], room), {"y": y}),
        ("room is too small", (x, points, room[:99]), {"y": y}),
        ("y has another", (x, points, room), {"y": y[:, 1:]}),
        ("styled needs next_style", (x, points, room), {"styled": y}),
    ]
    for message, tensors, tail in refused:
        with pytest.raises(RuntimeError, match=message):
            _winograd.winograd(*tensors, **tail)
    with pytest.raises(TypeError, match="no argument colour"):
        _winograd.winograd(x, points, room, colour=1)
    up, z, y = _winograd.transformed(torch.ones(32, 48, 3, 3), "transposed"), torch.empty(99_999), y
    for message, given in {
        "z goes with a blur": {"z": None},
        "z must be float32": {"z": z.double()},
        "rgb goes with no blur": {"rgb": y[..., :3], "rgb_weight": torch.ones(3, 3, 32)},
        "z is too small": {"z": z[:99]},
        "room is too small": {"room": room[:99]},
        "y has another": {"y": y},
    }.items():
        arguments: dict[str, Any] = {"x": x, "weight": up, "room": room, "z": z, "blur": BLUR}
        with pytest.raises(RuntimeError, match=message):
            _winograd.winograd(**arguments | given)

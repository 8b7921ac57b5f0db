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

import steerx
from steerx._pictures import to_uint8
from steerx.checkpoints import StyleGAN2Config
from steerx.generators import StyleGAN2
from steerx.ops import _library
from steerx.rendering import NativeRenderer, PlainRenderer, SampleNoise, native, prepacked
from steerx.rendering.workspace import Workspace

BUILT = _library.has_kernel("_winograd", "CPU")
needs_kernels = pytest.mark.skipif(not BUILT, reason="no native library")


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

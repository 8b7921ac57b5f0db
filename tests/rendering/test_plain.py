"""The renderer's contract, held by the plain one: states, noise, dtypes, packed weights."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from steerx.rendering import LayerState, Packed, SampleNoise
from steerx.rendering.noise import layer_noise
from tests.tiny import tiny_generator


@pytest.mark.parametrize("stop", range(5))
def test_stopping_and_going_on_is_rendering_through(tiny, stop) -> None:
    styles = tiny.codes(seeds="0-2", space="styles")
    whole = tiny.renderer.render(styles)
    state = tiny.renderer.render(styles, stop=stop)
    assert state.index == stop
    assert torch.equal(tiny.renderer.render(styles, state=state), whole)
    assert torch.equal(tiny.renderer.render(styles, state=state, start=stop + 1), whole)


def test_a_state_stands_before_its_layers_to_rgb(tiny) -> None:
    """A state is a prefix of all edits of later w slots, and its own to_rgb reads a later slot."""
    styles = tiny.codes(seeds="0-1", space="styles")
    state = tiny.renderer.render(styles, stop=2)
    changed = [
        s * 1.5 if row.slot > 2 else s for row, s in zip(tiny.style_rows, styles, strict=True)
    ]
    resumed = tiny.renderer.render(changed, state=state)
    torch.testing.assert_close(resumed, tiny.renderer.render(changed), rtol=0, atol=0)
    assert not torch.allclose(resumed, tiny.renderer.render(styles))


def test_a_state_can_be_resumed_in_two_steps(tiny) -> None:
    styles = tiny.codes(seeds="0-1", space="styles")
    state = tiny.renderer.render(styles, stop=1)
    later = tiny.renderer.render(styles, state=state, stop=3)
    assert torch.equal(tiny.renderer.render(styles, state=later), tiny.renderer.render(styles))


def test_rows_of_a_state_serve_many_edits(tiny) -> None:
    styles = tiny.codes(seeds="0-1", space="styles")
    state = tiny.renderer.render(styles, stop=0)
    index = torch.tensor([1, 0, 1])
    images = tiny.renderer.render([s[index] for s in styles], state=state.rows(index))
    torch.testing.assert_close(images, tiny.renderer.render(styles)[index], rtol=1e-4, atol=1e-5)


def test_uint8_is_the_door(tiny) -> None:
    styles = tiny.codes(seeds="0-1", space="styles")
    pixels = tiny.renderer.render(styles, out="uint8")
    images = tiny.renderer.render(styles)
    assert pixels.dtype == torch.uint8 and pixels.shape == (2, 16, 16, 3)
    expected = (images.permute(0, 2, 3, 1) * 127.5 + 128).clamp(0, 255).to(torch.uint8)
    assert torch.equal(pixels, expected)


def test_noise_modes_differ_and_const_repeats(tiny) -> None:
    styles = tiny.codes(seeds="0-1", space="styles")
    render = tiny.renderer.render
    const, none, random = (render(styles, noise=mode) for mode in ("const", "none", "random"))
    assert torch.equal(const, render(styles))
    assert not torch.allclose(const, none) and not torch.allclose(const, random)
    assert not torch.allclose(random, render(styles, noise="random"))


def test_sample_noise_depends_on_the_sample_alone(tiny) -> None:
    styles = tiny.codes(seeds="0-2", space="styles")
    ids = torch.tensor([7, 1, 2**40 + 7])
    whole = tiny.renderer.render(styles, noise=SampleNoise(3, ids))
    for n in range(3):
        one = tiny.renderer.render(
            [s[n : n + 1] for s in styles], noise=SampleNoise(3, ids[n : n + 1])
        )
        torch.testing.assert_close(whole[n : n + 1], one, rtol=1e-4, atol=1e-5)
    same = [s[:1].expand(3, -1) for s in styles]
    pictures = tiny.renderer.render(same, noise=SampleNoise(3, ids))
    assert not torch.allclose(pictures[0], pictures[1])
    assert not torch.allclose(pictures[0], pictures[2])  # the id's high word counts
    other = tiny.renderer.render(same, noise=SampleNoise(4, ids))
    assert not torch.allclose(pictures[0], other[0])


def test_packed_weights_follow_edits_in_place(tiny) -> None:
    styles = tiny.codes(seeds="0-1", space="styles")
    weight = tiny.synthesis.layers[2].weight
    with torch.no_grad():
        before = tiny.renderer.render(styles)
        packed = tiny.renderer.packed
        kept = packed.get("layers.2", weight, torch.float32, torch.clone)
        assert kept is packed.get("layers.2", weight, torch.float32, torch.clone)
        weight.mul_(-1.0)
        after = tiny.renderer.render(styles)
        packed.clear()
        assert torch.equal(after, tiny.renderer.render(styles))
    assert not torch.allclose(before, after)
    assert torch.equal(after, tiny.renderer.render(styles))  # with gradients on: the same bits


def test_packed_weights_follow_a_parameter_that_is_replaced(tiny) -> None:
    styles = tiny.codes(seeds="0-1", space="styles")
    layer = tiny.synthesis.layers[2]
    with torch.no_grad():
        for number in range(20):  # a freed parameter's address is soon another's
            layer.weight = torch.nn.Parameter(torch.full_like(layer.weight, 0.01 * (number + 1)))
            layer.weight.data[0] = number
            ours = tiny.renderer.render(styles)
            tiny.renderer.packed.clear()
            assert torch.equal(ours, tiny.renderer.render(styles))


def test_packed_forms_are_told_apart_by_dtype_and_instruction_set() -> None:
    source = torch.nn.Parameter(torch.ones(3))
    packed: Packed[torch.Tensor] = Packed("avx2")
    wide = packed.get("a", source, torch.float32, torch.clone)
    assert packed.get("a", source, torch.bfloat16, lambda t: t.bfloat16()).dtype == torch.bfloat16
    packed.isa = "avx512"
    assert packed.get("a", source, torch.float32, torch.clone) is not wide


def test_a_network_made_in_inference_mode_renders() -> None:
    with torch.inference_mode():
        G = tiny_generator()
        inside = G.renderer.render(G.codes(seeds="0-1", space="styles"))
    outside = tiny_generator()
    assert torch.equal(inside, outside.renderer.render(outside.codes(seeds="0-1", space="styles")))


@pytest.mark.parametrize(
    "change, error",
    [
        ({"index": 9}, "state.index must be 0-4, got 9"),
        ({"x": torch.zeros(2, 9, 4, 4)}, r"state.x must be .* with C = 9, H = 8, W = 8"),
        ({"rgb": None}, "state.rgb is None at style_layer 0 and there alone"),
        ({"rgb": torch.zeros(2, 3, 8, 8)}, r"state.rgb must be .* H = 4, W = 4"),
    ],
)
def test_a_state_of_another_network_is_refused(tiny, change, error) -> None:
    styles = tiny.codes(seeds="0-1", space="styles")
    state = replace(tiny.renderer.render(styles, stop=2), **change)
    with pytest.raises(ValueError, match=error):
        tiny.renderer.render(styles, state=state)


def test_after_the_last_layer_there_is_nothing_to_stop_at(tiny) -> None:
    styles = tiny.codes(seeds="0-1", space="styles")
    state = tiny.renderer.render(styles, stop=4)
    with pytest.raises(ValueError, match="that of the last style_layer; leave stop out"):
        tiny.renderer.render(styles, state=state, stop=4)


@pytest.mark.parametrize("dtype, bound", [(torch.bfloat16, 3e-2), (torch.float16, 4e-3)])
def test_low_precision_stays_close(dtype, bound) -> None:
    G = tiny_generator()
    styles = G.codes(seeds="0-3", space="styles")
    exact = G.renderer.render(styles)
    G.renderer.dtype = dtype
    with torch.inference_mode():
        images = G.renderer.render(styles)
    assert images.dtype == torch.float32
    assert (images - exact).norm() / exact.norm() <= bound


def test_conv_clamp_bites() -> None:
    styles = tiny_generator().codes(seeds="0-3", space="styles")
    free = tiny_generator().renderer.render(styles)
    clamped = tiny_generator(conv_clamp=0.4).renderer.render(styles)
    assert not torch.allclose(free, clamped)


def test_layers_run_channels_last(tiny) -> None:
    state = tiny.renderer.render(tiny.codes(seeds="0-1", space="styles"), stop=3)
    assert isinstance(state, LayerState)
    assert state.x.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    "arguments, error",
    [
        ({"stop": 5}, "stop must be a style_layer 0-4, got 5"),
        ({"start": 2}, "start must be 0"),
        ({"out": "pil"}, 'out must be "float" or "uint8"'),
        ({"noise": "loud"}, "noise must be one of const, random, none"),
        ({"noise": SampleNoise(0, torch.arange(5))}, "one id per image, N = 2"),
    ],
)
def test_wrong_requests_say_what_to_do(tiny, arguments, error) -> None:
    styles = tiny.codes(seeds="0-1", space="styles")
    with pytest.raises(ValueError, match=error):
        tiny.renderer.render(styles, **arguments)


def test_styles_of_another_network_are_refused(tiny) -> None:
    styles = tiny.codes(seeds="0-1", space="styles")
    with pytest.raises(ValueError, match="a list of 8 tensors"):
        tiny.renderer.render(styles[:-1])
    styles[3] = styles[3][:, :-1]
    with pytest.raises(ValueError, match=r"styles of 8:conv1 must be \[N, C\] with N = 2, C = 9"):
        tiny.renderer.render(styles)


def test_every_layer_draws_noise_of_its_own() -> None:
    noise = SampleNoise(5, torch.arange(2))
    const = torch.zeros(4, 4)
    keys = [
        layer_noise(noise, const, layer=i, batch=2, dtype=torch.float32)["noise_key"]
        for i in range(17)
    ]
    assert len(set(keys)) == 17

"""Sweeps: every cell is the edit it says it is, in any batch, on any generator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import steerx
from steerx.editing import style_steps
from steerx.generators import StyleGAN2
from tests.test_editing import sets, unit
from tests.tiny import tiny_generator

ALPHAS = [-1.5, 0.0, 2.0]


def common(G: steerx.Generator, **more: Any) -> dict[str, Any]:
    return {"directions": sets(G)["w"], "alphas": ALPHAS, "noise_mode": "sample", **more}


def by_hand(G: StyleGAN2, directions: steerx.Directions, k: int, alpha: float) -> list[Tensor]:
    """Styles of seeds 3 and 1 at psi 0.6 below slot 4, each kind of edit written out."""
    z = G.codes(seeds=[3, 1], space="z")
    step = alpha * directions.scale[k] * directions.vectors[k]
    if directions.space == "z":
        z = z + step
    w = G.mapping(z)
    if directions.motion == "absolute":
        v = directions.vectors[k]
        w = w + (alpha * directions.scale[k] - w @ v)[:, None] * v
        step = torch.zeros(())
    w_avg, psi = G.mapping.w_avg, torch.tensor([0.6] * 4 + [1.0] * 2)[:, None]
    rows = torch.arange(G.num_ws)
    chosen = torch.tensor(
        [directions.layers[k] is None or int(r) in directions.layers[k] for r in rows]
    )
    w_plus = w_avg + psi * (w[:, None] - w_avg)
    if directions.space in ("w", "w_plus"):
        before = directions.when == "before_truncation"
        w_plus = w_plus + (psi if before else 1) * chosen[:, None] * step
    styles = G.styles(w_plus)
    if directions.space == "styles":
        styles = [s + d for s, d in zip(styles, G.unpack(step[None]), strict=True)]
    return styles


@pytest.mark.parametrize(
    "way",
    ["w", "w on layers", "w after", "w_plus", "w_plus per layer", "styles", "z", "w absolute"],
)
def test_every_cell_is_the_edit_it_says(tiny, way) -> None:
    directions = sets(tiny)[way]
    sweep = steerx.sweep(
        tiny, seeds=[3, 1], directions=directions, alphas=ALPHAS, psi=0.6, cutoff=4
    )
    images = sweep.images
    assert images.shape == (2, 2, 3, 16, 16, 3) and images.dtype == np.uint8
    for k in range(2):
        for a, alpha in enumerate(ALPHAS):
            styles = by_hand(tiny, directions, k, alpha)
            expected = tiny.renderer.render(styles, out="uint8").numpy()
            assert np.abs(images[:, k, a].astype(int) - expected).max() <= 1


def test_mixed_directions_sweep_side_by_side(tiny) -> None:
    ways = sets(tiny)
    both = steerx.sweep(tiny, seeds=[0], directions=[ways["w"], ways["z"]], alphas=ALPHAS)
    for i, way in enumerate(("w", "z")):
        alone = steerx.sweep(tiny, seeds=[0], directions=ways[way], alphas=ALPHAS)
        difference = both.images[:, 2 * i : 2 * i + 2].astype(int) - alone.images
        assert np.abs(difference).max() <= 1
    assert len(set(both.directions)) == 4


def test_the_unedited_picture_is_rendered_once(tiny) -> None:
    sweep = steerx.sweep(tiny, seeds=[0, 1], directions=sets(tiny)["w"], alphas=ALPHAS)
    batches = list(sweep)
    rows = [row for b in batches for row in zip(b.seeds, b.directions, b.alphas, strict=True)]
    assert sweep.renders == len(rows) == 2 * (1 + 2 * 2)
    assert rows[0] == (0, None, 0.0) and rows[5] == (1, None, 0.0)
    assert len(set(rows)) == len(rows)
    assert np.array_equal(sweep.images[:, 0, 1], sweep.images[:, 1, 1])


def test_an_absolute_distance_of_zero_is_an_edit(tiny) -> None:
    sweep = steerx.sweep(tiny, seeds=[0], directions=sets(tiny)["w absolute"], alphas=[0.0])
    assert sweep.renders == 2
    unedited = steerx.sweep(tiny, seeds=[0], directions=sets(tiny)["w"], alphas=[0.0])
    assert not np.array_equal(sweep.images[0, 0, 0], unedited.images[0, 0, 0])


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_the_batch_does_not_show(tiny, batch) -> None:
    arguments = common(tiny, seeds="0-4")
    reference = steerx.sweep(tiny, **arguments).images.astype(int)
    sweep = steerx.sweep(tiny, **arguments, batch=batch)
    assert all(len(b) <= batch for b in sweep)
    assert np.abs(reference - sweep.images).max() <= 1


def test_the_same_sweep_twice_gives_the_same_bits(tiny) -> None:
    arguments = common(tiny, seeds="0-2")
    first, second = (steerx.sweep(tiny, **arguments).images for _ in range(2))
    assert np.array_equal(first, second)


def test_sample_noise_belongs_to_the_seed(tiny) -> None:
    arguments = common(tiny, alphas=[1.0])
    together = steerx.sweep(tiny, seeds=[5, 9], **arguments).images
    alone = steerx.sweep(tiny, seeds=[9], **arguments).images
    assert np.abs(together[1].astype(int) - alone[0]).max() <= 1
    other = steerx.sweep(tiny, seeds=[9], **arguments, noise_key=1).images
    assert np.abs(other.astype(int) - alone).max() > 1


def test_codes_of_other_tools_are_taken_as_they_are(tiny) -> None:
    w_plus = tiny.codes(seeds="0-1", psi=0.5)
    sweep = steerx.sweep(tiny, codes=w_plus, directions=sets(tiny)["w_plus"], alphas=[0.0])
    expected = tiny.renderer.render(tiny.styles(w_plus), out="uint8").numpy()
    assert np.abs(sweep.images[:, 0, 0].astype(int) - expected).max() <= 1
    with pytest.raises(ValueError, match="a direction in z needs codes in z"):
        _ = steerx.sweep(tiny, codes=w_plus, directions=sets(tiny)["z"], alphas=[1.0]).images


def test_a_generator_with_z_alone_sweeps(conv_generator) -> None:
    directions = steerx.Directions(unit(1, 6), space="z")
    sweep = steerx.sweep(conv_generator, seeds=[0, 1], directions=directions, alphas=[0.0, 2.0])
    z = conv_generator.codes(seeds=[0, 1], space="z") + 2.0 * directions.vectors
    expected = conv_generator.renderer.render(z, out="uint8").numpy()
    assert np.abs(sweep.images[:, 0, 1].astype(int) - expected).max() <= 1


def test_pictures_lay_the_grid_out(tiny) -> None:
    sweep = steerx.sweep(tiny, seeds=[4, 7], directions=sets(tiny)["w"], alphas=ALPHAS)
    plain = sweep.grid(labels=False)
    assert plain.size == (2 + 3 * 18, 2 + 4 * 18)
    pixels = np.asarray(plain)
    assert np.array_equal(pixels[2:18, 2:18], sweep.images[0, 0, 0])
    assert np.array_equal(pixels[20:36, 38:54], sweep.images[0, 1, 2])
    by_direction = np.asarray(sweep.grid(order="direction", labels=False))
    assert np.array_equal(by_direction[20:36, 38:54], sweep.images[1, 0, 2])
    strip = np.asarray(sweep.strip(seed=7, direction=sweep.directions[1], scale=2))
    assert np.array_equal(strip[2:34:2, 2:34:2], sweep.images[1, 1, 0])
    assert sweep.grid().width > plain.width


def test_directions_of_another_network_are_refused(tiny) -> None:
    mined = steerx.SeFa(k=1).fit(tiny_generator(seed=1)).directions_
    with pytest.raises(ValueError, match="checkpoint"):
        steerx.sweep(tiny, seeds=[0], directions=mined, alphas=[1.0])
    told = steerx.sweep(tiny, seeds=[0], directions=mined, alphas=[1.0], any_checkpoint=True)
    assert told.images.shape[:3] == (1, 1, 1)


@pytest.mark.parametrize(
    "change, error",
    [
        ({"alphas": []}, "alphas must be one or more finite"),
        ({"alphas": [float("nan")]}, "alphas must be one or more finite"),
        ({"alphas": [1.0, 1.0]}, "alphas must differ"),
        ({"seeds": None}, "give seeds or codes"),
        ({"seeds": []}, "at least one seed or code"),
        ({"noise_mode": "loud"}, "noise_mode must be"),
        ({"batch": 0}, "batch must be 1 or more images"),
        ({"psi": float("nan")}, "psi must be a finite number"),
        (
            {"seeds": None, "codes": torch.zeros(1, 6, 12), "space": "junk"},
            "'junk' cannot be rendered",
        ),
        (
            {"seeds": None, "codes": torch.zeros(1, 6, 12), "label": 1},
            "codes in w_plus have theirs",
        ),
    ],
)
def test_wrong_sweeps_say_what_to_do(tiny, change, error) -> None:
    arguments = common(tiny, seeds=[0], alphas=[1.0]) | change
    with pytest.raises(ValueError, match=error):
        steerx.sweep(tiny, **arguments)
    sweep = steerx.sweep(tiny, seeds=[0], directions=sets(tiny)["w"], alphas=[1.0])
    with pytest.raises(ValueError, match="strip: seed must be one of 0, got 5"):
        sweep.strip(seed=5)


def test_steps_are_computed_once_for_the_whole_sweep(tiny, monkeypatch) -> None:
    calls = []
    monkeypatch.setattr(
        "steerx.sweeping.grid.style_steps", lambda *a, **k: calls.append(1) or style_steps(*a, **k)
    )
    steerx.sweep(tiny, **common(tiny, seeds="0-6", batch=2)).grid()
    assert len(calls) == 2  # one per direction


def test_a_strip_renders_its_own_pictures_only(tiny) -> None:
    sweep = steerx.sweep(tiny, **common(tiny, seeds="0-6"))
    rendered = []
    render = tiny.renderer.render
    tiny.renderer.render = lambda styles, **k: (
        rendered.append(len(styles[0])) or render(styles, **k)
    )
    strip = np.asarray(sweep.strip(seed=4, direction=sweep.directions[1]))
    assert sum(rendered) == len(ALPHAS)
    assert np.abs(strip[2:18, 2:18].astype(int) - sweep.images[4, 1, 0]).max() <= 1


def test_labels_go_with_their_seeds() -> None:
    G = tiny_generator(c_dim=3)
    directions = [sets(G)["w"], sets(G)["z"]]
    together = steerx.sweep(
        G, seeds=[0, 1, 2], label=[2, 0, 1], directions=directions, alphas=ALPHAS, batch=2
    ).images
    for n, label in enumerate((2, 0, 1)):
        alone = steerx.sweep(G, seeds=[n], label=label, directions=directions, alphas=ALPHAS).images
        assert np.abs(together[n].astype(int) - alone[0]).max() <= 1
        other = steerx.sweep(
            G, seeds=[n], label=(label + 1) % 3, directions=directions, alphas=ALPHAS
        )
        assert np.abs(together[n].astype(int) - other.images[0]).max() > 1


@pytest.mark.parametrize("mode", ["none", "random"])
def test_noise_modes_reach_the_pictures(tiny, mode) -> None:
    const = steerx.sweep(tiny, **common(tiny, seeds=[0], noise_mode="const")).images
    other = steerx.sweep(tiny, **common(tiny, seeds=[0], noise_mode=mode)).images
    assert np.abs(const.astype(int) - other).max() > 1


def test_truncated_codes_move_as_their_seeds_do(tiny) -> None:
    directions = sets(tiny)["w"]
    by_seed = steerx.sweep(tiny, seeds=[3], directions=directions, alphas=[2.0], psi=0.5).images
    w_plus = tiny.codes(seeds=[3], psi=0.5)
    by_code = steerx.sweep(tiny, codes=w_plus, directions=directions, alphas=[2.0], psi=0.5).images
    assert np.abs(by_seed.astype(int) - by_code).max() <= 1


def test_codes_that_may_be_z_or_w_must_be_told(tiny) -> None:
    w = tiny.codes(seeds=[0, 1], space="w")
    arguments = {"directions": sets(tiny)["w"], "alphas": [1.0]}
    with pytest.raises(
        ValueError, match=r'codes \[2, 12\] may be z or w; say space="z" or space="w"'
    ):
        steerx.sweep(tiny, codes=w, **arguments)
    with pytest.raises(ValueError, match=r"codes in z must be \[N, Z\] with Z = 8, got \[2, 12\]"):
        steerx.sweep(tiny, codes=w, space="z", **arguments)
    told = steerx.sweep(tiny, codes=w, space="w", **arguments).images
    seeded = steerx.sweep(tiny, seeds=[0, 1], **arguments).images
    assert np.abs(told.astype(int) - seeded).max() <= 1


def test_scores_of_a_sweep_are_those_of_its_pictures() -> None:
    G = tiny_generator()
    D = steerx.Directions(torch.eye(G.w_dim)[:2], space="w")
    grid = steerx.sweep(G, directions=D, alphas=[-2.0, 0.0, 2.0], seeds=[3, 5], batch=4)

    def scorer(images: torch.Tensor) -> torch.Tensor:
        images = images.clamp(-1, 1)
        return torch.stack([images.mean(dim=(1, 2, 3)), images[:, 0].amax(dim=(1, 2))], dim=1)

    found = grid.scores(scorer)
    assert found.shape == (2, 2, 3, 2) and not found.is_inference()
    pictures = torch.from_numpy(grid.images).permute(0, 1, 2, 5, 3, 4) / 127.5 - 1
    expected = scorer(pictures.flatten(0, 2)).view(2, 2, 3, 2)
    assert (found[..., 0] - expected[..., 0]).abs().max() < 0.02
    assert torch.equal(found[:, 0, 1], found[:, 1, 1])  # alpha 0 is one picture


def test_pictures_seed_by_seed_are_the_same_pictures() -> None:
    G = tiny_generator()
    D = steerx.Directions(torch.eye(G.w_dim)[:2], space="w")
    arguments = {"directions": D, "alphas": [-1.0, 0.0, 1.0], "seeds": range(5), "batch": 3}
    parts = list(steerx.sweep(G, **arguments).by_seed())
    assert len(parts) == 5
    assert (np.stack(parts) == steerx.sweep(G, **arguments).images).all()


@pytest.mark.parametrize("space", ["z", "w", "w_plus", "styles"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_codes_of_another_dtype_are_rendered(tiny, space: Any, dtype: torch.dtype) -> None:
    codes = tiny.codes(seeds=[3, 1], space=space)
    parts = codes if space == "styles" else [codes]
    parts = [part.to(dtype) for part in parts]
    near = {"directions": sets(tiny)["styles" if space == "styles" else "w"], "alphas": ALPHAS}

    def pictures(codes: list[Tensor]) -> Any:
        given = codes if space == "styles" else codes[0]
        return steerx.sweep(tiny, codes=given, space=space, **near).images

    assert np.array_equal(pictures(parts), pictures([part.float() for part in parts]))


def test_codes_that_are_none_are_refused(tiny) -> None:
    w, styles = tiny.codes(seeds=[1], space="w"), tiny.codes(seeds=[1], space="styles")
    refused: list[tuple[type[Exception], str, Any, Any]] = [
        (TypeError, "codes must be a tensor, got ndarray", w.numpy(), "w"),
        (TypeError, "floating-point dtype, got torch.int64", w.long(), "w"),
        (ValueError, "codes must be finite numbers", w / 0, "w"),
        (ValueError, "finite numbers of torch.float32", w.double() * 1e300, "w"),
        (ValueError, r"list of 8 tensors \[N, C_l\]", styles[:2], "styles"),
        (ValueError, "styles of 4:conv must be", [s[:, :9] for s in styles], "styles"),
    ]
    for kind, words, codes, space in refused:
        with pytest.raises(kind, match=words):
            steerx.sweep(tiny, codes=codes, space=space, directions=sets(tiny)["w"], alphas=[1.0])


@pytest.mark.parametrize("alpha", [1e39, -1e300, float("inf"), float("nan")])
def test_alphas_that_no_picture_has_are_refused(tiny, alpha: float) -> None:
    with pytest.raises(ValueError, match="finite numbers, to 3e"):
        steerx.sweep(tiny, seeds=[1], directions=sets(tiny)["w"], alphas=[0.0, alpha])

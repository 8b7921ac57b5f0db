"""What is compared: pixels, pyramids and features, against their formulas."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from steerx.projecting import Loss, Schedule
from steerx.projecting.losses import blurred, laplacian
from steerx.projecting.noise_pictures import renew, structure


def test_a_pyramid_holds_its_picture() -> None:
    image = torch.randn(2, 3, 32, 48)
    levels = laplacian(image)
    assert [list(level.shape[2:]) for level in levels] == [[32, 48], [16, 24], [8, 12]]
    back = levels[-1]
    for level in reversed(levels[:-1]):
        back = level + interpolate(back, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(back, image)
    assert [list(level.shape) for level in laplacian(torch.randn(1, 3, 6, 6))] == [[1, 3, 6, 6]]


def test_the_blur_is_binomial_and_keeps_what_is_even() -> None:
    spot = torch.zeros(1, 1, 9, 9)
    spot[0, 0, 4, 4] = 256
    row = torch.tensor([1.0, 4, 6, 4, 1])
    torch.testing.assert_close(blurred(spot)[0, 0, 2:7, 2:7], torch.outer(row, row))
    torch.testing.assert_close(blurred(torch.ones(1, 2, 5, 7)), torch.ones(1, 2, 5, 7))


def test_the_loss_by_hand() -> None:
    x, y = torch.randn(2, 2, 3, 16, 16).unbind(0)
    loss = Loss(pixels=2.0)
    pyramid = zip(laplacian(x), laplacian(y), strict=True)
    expected = (x - y).square().mean((1, 2, 3)) + sum(
        (a - b).abs().mean((1, 2, 3)) for a, b in pyramid
    )
    torch.testing.assert_close(loss.of(x, loss.see(y)), 2 * expected)


def test_features_are_compared_as_they_are_published() -> None:
    seen: list[tuple[int, ...]] = []

    def network(images: Tensor) -> list[Tensor]:
        seen.append(tuple(images.shape))
        return [images.mean((2, 3)), images.amax((2, 3))]

    x, y = torch.randn(2, 2, 3, 512, 512).unbind(0)
    loss = Loss(network, pixels=0.0)
    found = loss.of(x, loss.see(y))
    assert seen == [(2, 3, 256, 256)] * 2
    small = [torch.nn.functional.avg_pool2d(image, 2) for image in (x, y)]
    a, b = network(small[0]), network(small[1])
    expected = sum((p - q).square().sum(1) for p, q in zip(a, b, strict=True))
    torch.testing.assert_close(found, expected)
    both = Loss(network, pixels=1.0)
    torch.testing.assert_close(both.of(x, both.see(y)), expected + Loss().of(x, Loss().see(y)))
    with pytest.raises(ValueError, match=r"features must return \[N, \.\.\.\] with N = 2"):
        Loss(lambda images: images.mean()).see(x)


def test_wrong_weights() -> None:
    with pytest.raises(ValueError, match="pixels=0 leaves nothing to compare"):
        Loss(pixels=0.0).check("project")
    with pytest.raises(ValueError, match="pixels must be a weight from 0, got -1"):
        Loss(pixels=-1.0).check("project")


def test_the_published_schedule() -> None:
    schedule = Schedule()
    rates = [schedule.rate_at(step) for step in range(1000)]
    assert rates[0] == 0 and rates[25] == pytest.approx(0.05)
    assert rates[50:751] == pytest.approx([0.1] * 701)
    assert rates[875] == pytest.approx(0.05) and rates[999] < 1e-5
    noise = [schedule.noise_at(step) for step in range(1000)]
    assert noise[0] == 0.05 and noise[375] == pytest.approx(0.05 / 4)
    assert set(noise[750:]) == {0.0}
    with pytest.raises(ValueError, match="steps must be 1 or more"):
        Schedule(steps=0).check("project")
    with pytest.raises(ValueError, match="rate must be a number from 0, got nan"):
        Schedule(rate=float("nan")).check("project")
    with pytest.raises(ValueError, match="ramp_up must be a share, 0 to 1"):
        Schedule(ramp_up=2.0).check("project")


def test_structure_is_small_for_noise_alone() -> None:
    random = torch.Generator().manual_seed(0)
    noise = torch.randn(3, 1, 64, 64, generator=random)
    waves = torch.linspace(0, 6.28, 64).sin().expand(3, 1, 64, 64) * 2**0.5
    assert structure([noise]).max() < 0.1 and structure([waves]).min() > 1
    by_hand = noise[0, 0]
    expected = 0.0
    while by_hand.shape[0] >= 8:
        for axis in (0, 1):
            expected += float((by_hand * by_hand.roll(1, axis)).mean()) ** 2
        by_hand = by_hand.view(len(by_hand) // 2, 2, -1, 2).sum((1, 3)) / 2
    assert float(structure([noise])[0]) == pytest.approx(expected, rel=1e-4)
    renew([waves := waves.clone() * 3 + 1])
    torch.testing.assert_close(waves.mean((2, 3)), torch.zeros(3, 1), rtol=0, atol=1e-5)
    torch.testing.assert_close(waves.square().mean((2, 3)), torch.ones(3, 1))

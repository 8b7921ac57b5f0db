"""Pictures back to codes: what is found, what is left alone, and runs that were cut short."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import steerx
from steerx.generators import StyleGAN2
from steerx.projecting import JournalError, Schedule, journal
from tests.checkpoints import stylegan3_writers
from tests.generators.test_stylegan3 import tiny as tiny_stylegan3
from tests.tiny import PlainConvGenerator, tiny_generator

SHORT = Schedule(steps=40)


def pictures(G: StyleGAN2, count: int = 3) -> Tensor:
    return G.synthesis(G.codes(seeds=range(count), space="w"))


@pytest.mark.parametrize("space, shape", [("w", (3, 12)), ("w_plus", (3, 6, 12))])
def test_pictures_of_the_network_are_found_again(space, shape) -> None:
    G = tiny_generator()
    targets = pictures(G)
    mean = G.codes(seeds=range(2000), space="w").mean(0, keepdim=True).expand(3, -1)
    found = steerx.project(G, targets, space=space, schedule=Schedule(steps=150), learn_noise=False)
    assert found.space == space and found.codes.shape == shape
    before, after = ((G.synthesis(c) - targets).abs().mean() for c in (mean, found.codes))
    assert after < 0.3 * before
    clamped = (G.synthesis(found.codes).clamp(-1, 1) - targets).abs().mean((1, 2, 3))
    torch.testing.assert_close(found.error, clamped)


def test_drawn_faces_in_few_steps() -> None:
    G = steerx.load("faces")
    targets = steerx.faces.draw(G.codes(seeds="1000-1003", space="z"))
    found = steerx.project(G, targets, space="w", schedule=Schedule(steps=100))
    assert found.error.max() <= 0.06


@pytest.mark.slow
def test_twenty_drawn_faces_in_w_plus() -> None:
    G = steerx.load("faces")
    targets = steerx.faces.draw(G.codes(seeds="1000-1019", space="z"))
    assert steerx.project(G, targets).error.max() <= 0.06


def test_weights_get_no_gradient_and_stay() -> None:
    G = tiny_generator().requires_grad_(True)
    G.mapping.layers[0].bias.requires_grad_(False)
    asking = [p.requires_grad for p in G.parameters()]
    before = {n: t.clone() for n, t in G.state_dict().items()}
    steerx.project(G, pictures(G).detach(), schedule=Schedule(steps=3))
    assert [p.requires_grad for p in G.parameters()] == asking
    assert all(p.grad is None for p in G.parameters())
    assert all(torch.equal(t, before[n]) for n, t in G.state_dict().items())


def test_noise_is_learned_and_stays_noise(monkeypatch) -> None:
    G = tiny_generator()
    seen: list[dict[str, Tensor]] = []
    keep = journal.Journal.keep

    def spy(self, tensors, **about):
        seen.append(dict(tensors))
        keep(self, tensors, **about)

    monkeypatch.setattr(journal.Journal, "keep", spy)
    steerx.project(G, pictures(G), schedule=SHORT)
    first, last = seen[0], seen[-2]
    names = [n for n in first if n.startswith("value.noise")]
    assert names == [f"value.noise.{i}" for i in range(5)]
    for name in names:
        assert not torch.equal(first[name], last[name])
        torch.testing.assert_close(last[name].mean((2, 3)), torch.zeros(3, 1), rtol=0, atol=1e-5)
        torch.testing.assert_close(last[name].square().mean((2, 3)), torch.ones(3, 1))
    seen.clear()
    steerx.project(G, pictures(G), schedule=Schedule(steps=2), learn_noise=False)
    assert [n for n in seen[0] if n.startswith("value.")] == ["value.codes"]
    G.synthesis.layers[1].noise_strength.zero_()
    seen.clear()
    steerx.project(G, pictures(G), schedule=Schedule(steps=2))
    assert "value.noise.1" not in seen[0] and "value.noise.2" in seen[0]


def test_the_batch_does_not_matter_but_for_rounding() -> None:
    G = tiny_generator().double()
    whole = steerx.project(G, pictures(G), schedule=SHORT)
    parts = steerx.project(G, pictures(G), schedule=SHORT, batch=2)
    torch.testing.assert_close(whole.codes, parts.codes, rtol=1e-6, atol=1e-6)


class Killed(Exception):
    pass


def cut(at: int) -> Any:
    """Ends a run after so many picture steps."""

    def watch(made: int, of: int) -> None:
        if made >= at:
            raise Killed

    return watch


@pytest.mark.parametrize("at", [2, 46, 80, 90, 120])
def test_a_run_that_was_cut_short_goes_on_bit_for_bit(tmp_path: Path, at: int) -> None:
    G = tiny_generator()
    way: dict[str, Any] = {"schedule": SHORT, "batch": 2}  # 80 picture steps, then 40
    whole = steerx.project(G, pictures(G), **way)
    kept = tmp_path / "run.part"
    with pytest.raises(Killed):
        steerx.project(G, pictures(G), **way, journal=kept, watch=cut(at))
    made: list[int] = []
    again = steerx.project(G, pictures(G), **way, journal=kept, watch=lambda n, of: made.append(n))
    assert made[0] == at if at < 120 else made[0] >= 80
    assert made[-1] == 120 and (at < 80 or len(made) <= 42)
    assert torch.equal(again.codes, whole.codes) and torch.equal(again.error, whole.error)
    done = steerx.project(G, pictures(G), **way, journal=kept, watch=lambda n, of: made.append(n))
    assert made[-1] == 120 and torch.equal(done.codes, whole.codes)


def test_a_run_that_was_killed_goes_on_from_what_the_disk_has(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(journal, "PAUSE", -1.0)  # every step
    monkeypatch.setattr(journal, "SHARE", 0.0)
    G = tiny_generator()
    kept, copy = tmp_path / "run.part", tmp_path / "copy.part"

    def watch(made: int, of: int) -> None:
        if made == 60:
            shutil.copy(kept, copy)

    whole = steerx.project(G, pictures(G), schedule=SHORT, journal=kept, watch=watch)
    made: list[int] = []
    again = steerx.project(
        G, pictures(G), schedule=SHORT, journal=copy, watch=lambda n, of: made.append(n)
    )
    assert 54 <= made[0] <= 60 and torch.equal(again.codes, whole.codes)


def test_journals_of_others_are_refused(tmp_path: Path) -> None:
    G, kept = tiny_generator(), tmp_path / "run.part"
    few = Schedule(steps=2)
    steerx.project(G, pictures(G), schedule=few, journal=kept)
    with pytest.raises(JournalError, match="another run: seed was 0, is 1; go on with"):
        steerx.project(G, pictures(G), schedule=few, journal=kept, seed=1)
    with pytest.raises(JournalError, match="another run: another pictures"):
        steerx.project(G, pictures(G) + 0.1, schedule=few, journal=kept)
    kept.write_bytes(b"something else")
    with pytest.raises(JournalError, match=r"run\.part is no journal of a projection"):
        steerx.project(G, pictures(G), schedule=few, journal=kept)
    assert kept.read_bytes() == b"something else"


def test_features_of_the_users_own_guide_it() -> None:
    G = tiny_generator()
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.Tanh(), nn.Flatten()).eval()
    targets = pictures(G)
    found = steerx.project(
        G, targets, space="w", schedule=Schedule(steps=80), features=network, pixels=0.0
    )
    with torch.no_grad():
        mean = G.codes(seeds=range(1000), space="w").mean(0, keepdim=True)
        away = (network(G.synthesis(mean)) - network(targets)).square().sum(1)
        left = (network(G.synthesis(found.codes)) - network(targets)).square().sum(1)
    assert left.mean() < 0.3 * away.mean()


def test_every_family_with_a_w_and_classes() -> None:
    three = tiny_stylegan3(stylegan3_writers.tiny(c_dim=3, embed_dim=5))
    targets = three.synthesis(three.codes(seeds=0, space="w", label=1))
    found = steerx.project(three, targets, schedule=Schedule(steps=2), label=1)
    assert found.codes.shape == (1, 5, three.w_dim)
    with pytest.raises(ValueError, match="a conditional generator needs a class 0-2"):
        steerx.project(three, targets, schedule=Schedule(steps=2))
    net = nn.Sequential(nn.Linear(5, 3 * 4 * 6), nn.Tanh(), nn.Unflatten(1, (3, 4, 6)))
    own = steerx.Generator.from_module(net, z_dim=5, mapping=lambda z: 2 * z)
    target = own.synthesis(own.codes(seeds=3, space="w")).detach()
    close = steerx.project(own, target, space="w", schedule=Schedule(steps=300))
    assert close.error.max() < 0.05
    with pytest.raises(ValueError, match="H = 4, W = 6"):
        steerx.project(own, torch.zeros(1, 3, 6, 6))


@pytest.mark.parametrize(
    "change, said",
    [
        ({"G": PlainConvGenerator()}, "has no w; its spaces are z"),
        ({"space": "styles"}, 'space must be "w" or "w_plus"'),
        ({"pictures": torch.zeros(1, 3, 8, 8)}, "H = 16, W = 16"),
        ({"pictures": torch.zeros(0, 3, 16, 16)}, "there are no pictures"),
        ({"pictures": torch.full((1, 3, 16, 16), torch.nan)}, "must be finite numbers"),
        ({"batch": 0}, "batch must be 1 or more"),
        ({"schedule": Schedule(steps=0)}, "steps must be 1 or more"),
        ({"label": 1}, "has no classes"),
    ],
)
def test_wrong_arguments(change: dict[str, Any], said: str) -> None:
    way: dict[str, Any] = {"G": tiny_generator(), "pictures": torch.zeros(1, 3, 16, 16), **change}
    with pytest.raises(ValueError, match=said):
        steerx.project(**way)

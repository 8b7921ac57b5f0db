"""Any network behind the contract: the documentation's example, and networks of other forms."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import steerx

PAGE = Path(__file__).resolve().parents[2] / "docs" / "generators.md"


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the example of the documentation leaves behind."""
    text = PAGE.read_text(encoding="utf-8").split("## Your own network")[1]
    blocks = re.findall(r"```python\n(.*?)```", text, re.S)
    assert len(blocks) == 2
    names: dict[str, Any] = {"__name__": "example"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("example"))
        exec(compile("\n".join(blocks), str(PAGE), "exec"), names)
        assert Path("bright.png").stat().st_size > 0
    return names


def test_the_example_of_the_documentation_runs(example) -> None:
    G = example["G"]
    assert (G.family, G.z_dim, G.w_dim, G.c_dim, G.num_ws, G.resolution) == (
        "module", 16, 24, 3, 1, 16,
    )  # fmt: skip
    assert G.spaces == ("z", "w", "w_plus") and len(G.model_id) == 64
    assert example["sweep"].images.shape == (4, 1, 3, 16, 16, 3)
    for name in ("sefa", "pca", "layer", "bright", "means"):
        assert example[name].directions_.model_id == G.model_id


def test_the_directions_of_the_example_do_what_they_say(example) -> None:
    G, brightness = example["G"], example["brightness"]
    for name in ("bright", "means"):
        sweep = steerx.sweep(
            G, seeds="600-639", directions=example[name].directions_, alphas=[-2.0, 2.0], label=2
        )
        scores = sweep.scores(brightness)[:, 0, :, 0]
        assert (scores[:, 1] > scores[:, 0]).float().mean() > 0.9


def test_sefa_of_the_example_is_of_the_named_weight(example) -> None:
    weight = example["net"].first.weight.detach().double().flatten(1)  # [24, 32 * 16]
    columns = weight / weight.norm(dim=0)
    values, vectors = torch.linalg.eigh(columns @ columns.T)
    sefa = example["sefa"]
    torch.testing.assert_close(sefa.eigenvalues_, values.flip(0))
    cosines = (sefa.directions_.vectors.double() * vectors.T.flip(0)[:4]).sum(1).abs()
    assert cosines.min() > 0.9999


def test_sweeps_in_w_equal_the_networks_own_pictures(example) -> None:
    G, net = example["G"], example["net"]
    directions = example["pca"].directions_
    sweep = steerx.sweep(G, seeds="0-1", directions=directions[1], alphas=[0.0, 1.5], label=1)
    z = G.codes(seeds="0-1", space="z")
    with torch.no_grad():
        w = torch.cat((z, net.embed(torch.eye(3)[[1, 1]])), 1)
        moved = w + 1.5 * directions.scale[1] * directions.vectors[1]
        expected = (net(moved) * 127.5 + 128).clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    assert np.abs(sweep.images[:, 0, 1].astype(int) - expected).max() <= 1
    with pytest.raises(ValueError, match="a conditional generator needs a class 0-2"):
        steerx.sweep(G, seeds="0-1", directions=directions[1], alphas=[0.0, 1.5])


def test_truncation_draws_w_towards_its_mean(example) -> None:
    G = example["G"]
    w = G.codes(seeds="0-1", space="w", label=0)
    mean = G.mean_w()
    half = G.codes(seeds="0-1", psi=0.5, label=0)
    torch.testing.assert_close(half[:, 0], mean + 0.5 * (w - mean))
    assert mean[:16].abs().max() < 0.05  # of z, whose mean is zero
    classes = G.module.embed(torch.eye(3)).mean(0)
    torch.testing.assert_close(mean[16:], classes, rtol=0, atol=1e-3)


class Flat(nn.Module):
    """z alone, grey pictures of 4 x 6 pixels."""

    def __init__(self, z_dim: int = 5) -> None:
        super().__init__()
        self.first = nn.utils.parametrizations.weight_norm(nn.Linear(z_dim, 24))

    def forward(self, z: Tensor) -> Tensor:
        return self.first(z).tanh().view(-1, 1, 4, 6)


class Slotted(nn.Module):
    """Two w slots."""

    def __init__(self) -> None:
        super().__init__()
        self.mapper = nn.Sequential(nn.Linear(5, 6), nn.Tanh())
        self.coarse = nn.Linear(6, 12, bias=False)
        self.fine = nn.Conv2d(6, 48, 1)
        self.draw = SlotsToPicture(self.coarse, self.fine)


class SlotsToPicture(nn.Module):
    def __init__(self, coarse: nn.Linear, fine: nn.Conv2d) -> None:
        super().__init__()
        self.coarse, self.fine = coarse, fine

    def forward(self, w_plus: Tensor) -> Tensor:  # [N, 2, 6]
        x = self.coarse(w_plus[:, 0]).view(-1, 3, 2, 2).repeat_interleave(2, 2)
        return x.repeat_interleave(2, 3) + self.fine(w_plus[:, 1, :, None, None]).view(-1, 3, 4, 4)


def test_a_module_with_z_alone() -> None:
    net = Flat().train()
    G = steerx.Generator.from_module(net, z_dim=5, style_weights="first.weight")
    assert not net.training and not G.training
    assert (G.spaces, G.resolution, G.num_ws) == (("z",), 6, 0)
    z = G.codes(seeds="0-2", space="z")
    images = G.renderer.render(z)
    assert images.shape == (3, 3, 4, 6) and torch.equal(images[:, 0], images[:, 2])
    assert torch.equal(G.synthesis(z), images)
    assert torch.equal(G.style_weights()[0], net.first.weight)
    directions = steerx.SeFa(k=2).fit(G).directions_
    assert directions.space == "z"
    sweep = steerx.sweep(G, seeds="0-1", directions=directions, alphas=[-1.0, 0.0, 1.0])
    assert sweep.images.shape == (2, 2, 3, 4, 6, 3)
    layer = steerx.GANSpace(k=2, n=200, layer="module.first", space="z").fit(G)
    assert layer.directions_.space == "z"
    with pytest.raises(ValueError, match="no space 'w'; spaces are z"):
        G.codes(seeds=0, space="w")
    with pytest.raises(ValueError, match="this generator has no w"):
        G.truncate(torch.zeros(1, 5))


def test_w_slots_are_moved_by_themselves() -> None:
    net = Slotted()
    G = steerx.Generator.from_module(
        net, z_dim=5, mapping="mapper", synthesis="draw", num_ws=2,
        style_weights=["coarse.weight", ["fine.weight"]],
    )  # fmt: skip
    assert (G.num_ws, G.w_dim) == (2, 6)
    fine = steerx.SeFa(layers="1", k=1).fit(G)
    assert float(fine.eigenvalues_.sum()) == pytest.approx(48)
    assert float(steerx.SeFa(k=1).fit(G).eigenvalues_.sum()) == pytest.approx(60)
    sweep = steerx.sweep(G, seeds="0-1", directions=fine.directions_, alphas=[0.0, 1.0])
    w = G.codes(seeds="0-1")
    w[:, 1] += fine.directions_.vectors[0]
    expected = G.renderer.render(G.enter(w), out="uint8").numpy()
    assert np.abs(sweep.images[:, 0, 1].astype(int) - expected).max() <= 1
    assert torch.equal(G.synthesis(w), G.renderer.render(G.styles(w)))
    with pytest.raises(ValueError, match="reads 2 w slots"):
        G.renderer.render([w[:, 0]])
    with pytest.raises(ValueError, match=r"layers are w slots 0-1, got \[2\]"):
        G.style_weights([2])


def test_gradients_reach_the_codes() -> None:
    G = steerx.Generator.from_module(
        Slotted(), z_dim=5, mapping="mapper", synthesis="draw", num_ws=2
    )
    z = torch.randn(2, 5, requires_grad=True)
    G.truncate(G.mapping(z), psi=0.7)  # the mean is found in one mode and used in others
    with torch.inference_mode():
        G.truncate(G.mapping(z), psi=0.7)
    G.synthesis(G.truncate(G.mapping(z), psi=0.7)).square().sum().backward()
    assert z.grad is not None and z.grad.abs().min() > 0


def test_the_mean_found_in_inference_mode_serves_gradients() -> None:
    G = steerx.Generator.from_module(
        Slotted(), z_dim=5, mapping="mapper", synthesis="draw", num_ws=2
    )
    with torch.inference_mode():
        G.mean_w()
    z = torch.randn(2, 5, requires_grad=True)
    G.synthesis(G.truncate(G.mapping(z), psi=0.7)).square().sum().backward()
    assert z.grad is not None


def test_the_model_id_is_of_the_weights() -> None:
    torch.manual_seed(1)
    net = Flat()
    first, again = (steerx.Generator.from_module(net, z_dim=5).model_id for _ in range(2))
    assert first == again
    with torch.no_grad():
        net.first.bias += 1
    assert steerx.Generator.from_module(net, z_dim=5).model_id != first


def test_a_network_in_another_dtype() -> None:
    G = steerx.Generator.from_module(Flat().double(), z_dim=5)
    assert G.renderer.render(G.codes(seeds=0, space="z")).dtype == torch.float64
    G.float()
    assert G.renderer.render(G.codes(seeds=0, space="z")).dtype == torch.float32


class Returns(nn.Module):
    """Returns what it was given."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2, 2))
        self.result = result

    def forward(self, z: Tensor) -> Any:
        return self.result


@pytest.mark.parametrize(
    "module, arguments, error",
    [
        ("net", {}, "module must be an nn.Module, got str"),
        (nn.ReLU(), {}, "this module has no parameters"),
        (Flat(), {"z_dim": 0}, "z_dim must be a whole number from 1, got 0"),
        (Flat(), {"z_dim": 5.0}, "z_dim must be a whole number from 1, got 5.0"),
        (Flat(), {"c_dim": -1}, "c_dim must be a whole number from 0"),
        (Flat(), {"c_dim": 3}, "c_dim=3 needs a mapping"),
        (Flat(), {"num_ws": 2}, "num_ws=2 needs a mapping"),
        (Flat(), {"mapping": "style"}, "mapping='style' is no submodule; this module's are first"),
        (Flat(), {"synthesis": 3}, "synthesis must be a submodule's name or a function, got 3"),
        (Flat(), {"mapping": lambda z: z[0]}, r"mapping returns it, must be \[N, D\]"),
        (Flat(), {"mapping": lambda z: (z, z)}, r"mapping must return w \[N, D\], got tuple"),
        (Returns((1, 2)), {}, r"got tuple; wrap it: synthesis=lambda x: module\(x\)\[0\]"),
        (Returns(torch.zeros(2, 4, 8, 8)), {}, r"with N = 2, got \[2, 4, 8, 8\]"),
        (Returns(torch.zeros(1, 3, 8, 8)), {}, r"with N = 2, got \[1, 3, 8, 8\]"),
        (Returns(torch.zeros(2, 3, 8)), {}, r"with N = 2, got \[2, 3, 8\]"),
        (Returns(torch.zeros(2, 3, 8, 8).byte()), {}, "got torch.uint8"),
        (Flat(), {"style_weights": "last.weight"}, "there is no weight 'last.weight'; those"),
        (Flat(), {"style_weights": "first.bias"}, r"'first.bias' is \[24\]; for SeFa its inputs"),
        (Flat(), {"style_weights": []}, "style_weights must be names of weights"),
        (Flat(), {"style_weights": [3]}, "style_weights must be names of weights"),
        (
            Flat(),
            {"mapping": lambda z: z, "num_ws": 2, "synthesis": lambda w: w[:, :1, :, None],
             "style_weights": "first.weight"},
            "one name for each of the 2 w slots, got 1",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(module, arguments, error) -> None:
    with pytest.raises(ValueError, match=error):
        steerx.Generator.from_module(module, **{"z_dim": 5, **arguments})


def test_what_a_module_cannot_do_is_named() -> None:
    G = steerx.Generator.from_module(Flat(), z_dim=5)
    with pytest.raises(ValueError, match="was not told which weight the codes meet first"):
        steerx.SeFa(k=1).fit(G)
    with pytest.raises(ValueError, match="a module is rendered as a whole"):
        G.renderer.render(torch.zeros(1, 5), stop=0)

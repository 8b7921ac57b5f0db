"""Recordings of CUDA work, with the CPU in the place of the recording where it can be; and copies of renderers."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch

from steerx.generators import StyleGAN2
from steerx.rendering import (
    Choices,
    FusedRenderer,
    Policy,
    SampleNoise,
    graphs,
)
from tests.rendering.networks import generator


@pytest.fixture(scope="module")
def G() -> StyleGAN2:
    return generator()


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

"""Every layout in every container becomes the same canonical tensors."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from steerx import checkpoints
from steerx.checkpoints import CheckpointError, Kind, expected_shapes
from tests.checkpoints import writers


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert list(found.keys() ^ expected.keys()) == []
    for name, tensor in expected.items():
        assert found[name].dtype == torch.float32
        assert found[name].is_contiguous()
        torch.testing.assert_close(found[name], tensor, rtol=3e-7, atol=1e-7, msg=name)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("c_dim", [0, 3])
def test_nvlabs(tmp_path: Path, protocol: int, c_dim: int) -> None:
    config = writers.tiny_config(c_dim=c_dim, embed_dim=5 if c_dim else 0, conv_clamp=256.0)
    tensors = writers.random_tensors(config)
    state = writers.nvlabs_state(config, tensors)
    # numpy writes an array of protocol 5 through a name that no real file was seen to use
    taps = {} if protocol == 5 else {"taps": np.arange(6, dtype=np.int32).reshape(2, 3)}
    path = tmp_path / "a.pkl"
    writers.write_nvlabs(path, config, state, protocol=protocol, attributes=taps)
    read = checkpoints.read(path)
    assert read.family == "stylegan2"
    assert read.config == config
    assert_same(read.tensors, tensors)
    assert read.facts["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    unasked = checkpoints.read(path, digest=False)
    assert "sha256" not in unasked.facts and unasked.model_id == read.model_id
    digest = hashlib.sha256(writers.STUB.encode()).hexdigest()
    assert read.facts["module_sources"] == [{"sha256": digest, "run": "not run"}]
    assert read.facts["not_loaded"] == ["D", "G", "augment_pipe", "training_set_kwargs"]


def test_long_sources_and_storages_stay_in_the_file_until_needed(tmp_path: Path) -> None:
    config = writers.tiny_config(channels={4: 64, 8: 40, 16: 24})
    tensors = writers.random_tensors(config)
    state = writers.nvlabs_state(config, tensors)
    source = "# " + "long source " * 8000
    for protocol in (2, 4):
        path = tmp_path / f"{protocol}.pkl"
        writers.write_nvlabs(path, config, state, protocol=protocol, source=source)
        read = checkpoints.read(path)
        assert_same(read.tensors, tensors)
        digest = hashlib.sha256(source.encode()).hexdigest()
        assert {s["sha256"] for s in read.facts["module_sources"]} >= {digest}


@pytest.mark.parametrize("container", ["zip", "legacy"])
@pytest.mark.parametrize("training", [False, True])
def test_rosinality(tmp_path: Path, container: str, training: bool) -> None:
    config = writers.tiny_config()
    tensors = writers.random_tensors(config)
    tree: dict[str, object] = {"g_ema": writers.rosinality_state(config, tensors)}
    if training:
        layer = torch.nn.Linear(3, 2)
        optimizer = torch.optim.Adam(layer.parameters())
        layer(torch.ones(3)).sum().backward()
        optimizer.step()
        tree |= {
            "g": layer.state_dict(),
            "d": layer.state_dict(),
            "g_optim": optimizer.state_dict(),
            "args": argparse.Namespace(size=16, lr=2e-3, path="x"),
            "ada_aug_p": 0.0,
        }
    else:
        tree["latent_avg"] = tensors["mapping.w_avg"]
    path = writers.write_torch(tmp_path / "a.pt", tree, container=container)
    read = checkpoints.read(path)
    assert read.config == config
    if training:
        del tensors["mapping.w_avg"]
        mean = read.tensors.pop("mapping.w_avg")
        assert read.facts["w_avg"].startswith("computed")
        assert torch.equal(mean, checkpoints.read(path).tensors["mapping.w_avg"])
    assert_same(read.tensors, tensors)


def test_computed_mean_of_w_is_the_mean_of_the_mapping_network(tmp_path: Path) -> None:
    config = writers.tiny_config(mapping_layers=1)
    tensors = writers.random_tensors(config)
    path = writers.write_torch(
        tmp_path / "a.pt", {"g_ema": writers.rosinality_state(config, tensors)}
    )
    read = checkpoints.read(path)
    z = torch.from_numpy(np.random.RandomState(5).randn(200_000, config.z_dim)).float()
    z = z / z.square().mean(dim=1, keepdim=True).sqrt()
    weight, bias = tensors["mapping.layers.0.weight"], tensors["mapping.layers.0.bias"]
    y = z @ weight.t() + bias
    w = 2**0.5 * torch.where(y > 0, y, 0.2 * y)
    error = (read.tensors["mapping.w_avg"] - w.mean(dim=0)).abs()
    assert bool((error < 5 * w.std(dim=0) / 100).all())  # 10,000 draws: sigma / 100


@pytest.mark.parametrize("container", ["zip", "legacy"])
@pytest.mark.parametrize("top", ["smooth", "plain", "models", "flat"])
def test_genforce(tmp_path: Path, container: str, top: str) -> None:
    config = writers.tiny_config()
    tensors = writers.random_tensors(config)
    state = writers.genforce_state(config, tensors)
    other = writers.genforce_state(config, writers.random_tensors(config, seed=1))
    trees: dict[str, object] = {
        "smooth": {"generator": other, "generator_smooth": state, "discriminator": {}},
        "plain": {"generator": state, "discriminator": {}},
        "models": {"models": {"generator": state}, "running_metadata": {"iter": 3}},
        "flat": state,
    }
    path = writers.write_torch(tmp_path / "a.pth", trees[top], container=container)
    read = checkpoints.read(path)
    assert read.config == config
    assert_same(read.tensors, tensors)


def test_genforce_with_labels(tmp_path: Path) -> None:
    config = writers.tiny_config(c_dim=3, embed_dim=5)
    tensors = writers.random_tensors(config)
    state = writers.genforce_state(config, tensors)
    read = checkpoints.read(writers.write_torch(tmp_path / "a.pth", {"generator": state}))
    assert read.config == config
    assert_same(read.tensors, tensors)
    state["mapping.label_weight"] = torch.randn(3, 6)
    with pytest.raises(checkpoints.CheckpointError, match="normalises z and label together"):
        checkpoints.read(writers.write_torch(tmp_path / "b.pth", {"generator": state}))


def test_nvlabs_with_a_filter_of_its_own(tmp_path: Path) -> None:
    config = writers.tiny_config(filter_shape=(3, 3))
    tensors = writers.random_tensors(config)
    tensors["synthesis.filter"] = torch.rand(3, 3)  # lopsided
    path = tmp_path / "a.pkl"
    writers.write_nvlabs(path, config, writers.nvlabs_state(config, tensors), protocol=4)
    assert_same(checkpoints.read(path).tensors, tensors)


def test_genforce_with_one_mean_per_w_slot(tmp_path: Path) -> None:
    config = writers.tiny_config(w_avg_rows=6)
    tensors = writers.random_tensors(config)
    tree = {"generator": writers.genforce_state(config, tensors)}
    read = checkpoints.read(writers.write_torch(tmp_path / "a.pth", tree))
    assert read.config.w_avg_rows == read.config.num_ws == 6
    assert_same(read.tensors, tensors)


def test_equal_weights_have_equal_ids_whatever_the_container(tmp_path: Path) -> None:
    config = writers.tiny_config()
    tensors = writers.random_tensors(config)
    tree = {"generator_smooth": writers.genforce_state(config, tensors)}
    files = [
        writers.write_torch(tmp_path / f"{container}.pth", tree, container=container)
        for container in ("zip", "legacy")
    ]
    first, second = (checkpoints.read(path) for path in files)
    assert first.model_id == second.model_id
    tree = {"generator_smooth": writers.genforce_state(config, writers.random_tensors(config, 1))}
    third = checkpoints.read(writers.write_torch(tmp_path / "c.pth", tree))
    assert third.model_id != first.model_id


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_float_types_become_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    config = writers.tiny_config()
    tensors = writers.random_tensors(config)
    state = {k: v.to(dtype) for k, v in writers.nvlabs_state(config, tensors).items()}
    read = checkpoints.read(writers.write_nvlabs(tmp_path / "a.pkl", config, state))
    name = "synthesis.layers.1.weight"  # no gain in this layout: exact
    assert torch.equal(read.tensors[name], tensors[name].to(dtype).float())


def test_views_are_read_as_what_they_show(tmp_path: Path) -> None:
    config = writers.tiny_config()
    tensors = writers.random_tensors(config)
    state = writers.genforce_state(config, tensors)
    name = "synthesis.layer2.weight"
    state[name] = state[name].transpose(0, 1).contiguous().transpose(0, 1)
    wide = torch.randn(3, *state["synthesis.layer2.bias"].shape)
    wide[1] = state["synthesis.layer2.bias"]
    state["synthesis.layer2.bias"] = wide[1]
    read = checkpoints.read(writers.write_torch(tmp_path / "a.pth", {"generator": state}))
    assert_same(read.tensors, tensors)


def test_nvlabs_without_noise(tmp_path: Path) -> None:
    config = writers.tiny_config()
    state = writers.nvlabs_state(config, writers.random_tensors(config))
    state = {name: tensor for name, tensor in state.items() if ".noise_" not in name}
    kwargs = writers.nvlabs_kwargs(config, use_noise=False)
    read = checkpoints.read(writers.write_nvlabs(tmp_path / "a.pkl", config, state, kwargs=kwargs))
    assert read.tensors["synthesis.layers.4.noise"].shape == (16, 16)
    assert not read.tensors["synthesis.layers.4.noise_strength"].any()


def test_attributes_of_layers_say_what_arguments_leave_out(tmp_path: Path) -> None:
    config = writers.tiny_config(conv_clamp=256)
    tensors = writers.random_tensors(config)
    state = writers.nvlabs_state(config, tensors)
    clamped = {"conv_clamp": 256, "activation": "lrelu", "use_noise": True}
    layers: dict[str, dict[str, object]] = {
        **dict.fromkeys(("conv0", "conv1"), clamped),
        **{key: {"bias_gain": 0.02, "activation": "lrelu"} for key in ("fc0", "fc1")},
        "torgb": {"conv_clamp": 256},
    }
    spread = {"channel_base": 64, "num_fp16_res": 4, "surprise": 1}  # as the later code base does
    kwargs = writers.nvlabs_kwargs(config) | spread
    del kwargs["synthesis_kwargs"]
    path = tmp_path / "a.pkl"
    writers.write_nvlabs(path, config, state, kwargs=kwargs, layers=layers)
    read = checkpoints.read(path)
    assert read.config.conv_clamp == 256
    assert read.facts["defaulted"] == ["synthesis architecture = skip"]
    assert read.facts["unused_settings"] == ["'surprise'"]
    doubled = tensors["mapping.layers.1.bias"] * 2
    torch.testing.assert_close(read.tensors["mapping.layers.1.bias"], doubled)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ({"conv1": {"conv_clamp": 256}}, "disagree about conv_clamp"),
        ({"conv1": {"conv_clamp": None}, "torgb": {"conv_clamp": 1.0}}, "differ in conv_clamp"),
        ({"conv1": {"conv_clamp": [1]}}, "is not a plain value"),
        ({"conv0": {"activation": "relu"}}, "activation 'relu'"),
        ({"b8": {"architecture": "orig"}}, "architecture 'orig'"),
        ({"fc1": {"bias_gain": float("inf")}}, "learning rate multiplier"),
    ],
)
def test_attributes_of_layers_must_agree(
    tmp_path: Path, layers: dict[str, dict[str, object]], words: str
) -> None:
    config = writers.tiny_config()
    state = writers.nvlabs_state(config, writers.random_tensors(config))
    path = writers.write_nvlabs(tmp_path / "a.pkl", config, state, layers=layers)
    with pytest.raises(CheckpointError, match=words):
        checkpoints.read(path)


def test_golden_file_reads_back_by_the_documented_conventions(
    tmp_path: Path, goldens: Path
) -> None:
    data = np.load(goldens / "sefa_stylegan2_32px.npz", allow_pickle=False)
    state = {name[3:]: torch.from_numpy(data[name]) for name in data if name.startswith("sd/")}
    tree = {"generator_smooth": state, "generator": {}, "discriminator": {}}
    read = checkpoints.read(writers.write_torch(tmp_path / "golden.pth", tree))
    assert read.config.channels == {4: 32, 8: 32, 16: 32, 32: 16}
    assert {n: tuple(t.shape) for n, t in read.tensors.items()} == expected_shapes(read.config)
    up = state["synthesis.layer3.weight"].flip((2, 3)) / (32 * 9) ** 0.5
    torch.testing.assert_close(read.tensors["synthesis.layers.3.weight"], up)
    bias = state["synthesis.output2.style.bias"] + 1
    assert torch.equal(read.tensors["synthesis.to_rgbs.2.affine.bias"], bias)
    assert float(read.tensors["synthesis.filter"].sum()) == 1.0


def test_describe_tells_without_loading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = writers.tiny_config(c_dim=2, embed_dim=4)
    state = writers.nvlabs_state(config, writers.random_tensors(config))
    del state["mapping.w_avg"]
    tree = writers.nvlabs_tree(config, state, version=5) | {"progress": 7}
    path = tmp_path / "a.pkl"
    path.write_bytes(writers.dumps(tree, 4))
    monkeypatch.setattr("steerx.checkpoints.plan.load_tensor", None)  # a load would fail
    told = checkpoints.describe(path)
    assert told["conditional"] and told["c_dim"] == 2 and told["num_ws"] == 6
    assert told["channels"] == {"4": 7, "8": 5, "16": 4}
    assert told["w_avg"].startswith("computed")
    assert told["skipped"] == ["'progress'"]
    assert told["format_version"] == 5
    assert "mapping lr_multiplier = 0.01" in told["defaulted"]
    assert told["licence"] == "weights keep their own licence"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"z_dim": 7}, "the file says z_dim = 7, its tensors say 6"),
        ({"img_resolution": 32}, "resolution"),
        ({"mapping_kwargs": {"num_layers": 3}}, "num_layers"),
        ({"mapping_kwargs": {"lr_multiplier": float("nan")}}, "learning rate"),
        ({"synthesis_kwargs": {"conv_clamp": -1.0}}, "conv_clamp"),
        ({"synthesis_kwargs": 3}, "synthesis_kwargs"),
    ],
)
def test_arguments_that_contradict_the_tensors_are_refused(
    tmp_path: Path, change: dict[str, object], words: str
) -> None:
    config = writers.tiny_config()
    state = writers.nvlabs_state(config, writers.random_tensors(config))
    kwargs = writers.nvlabs_kwargs(config) | change
    path = writers.write_nvlabs(tmp_path / "a.pkl", config, state, kwargs=kwargs)
    with pytest.raises(CheckpointError, match=words) as caught:
        checkpoints.read(path)
    assert caught.value.kind == Kind.BAD_STRUCTURE


def test_wrong_tensors_are_listed_with_both_shapes(tmp_path: Path) -> None:
    config = writers.tiny_config()
    state = writers.rosinality_state(config, writers.random_tensors(config))
    state["convs.1.activate.bias"] = torch.zeros(9)
    del state["noises.noise_2"]
    state["extra.weight"] = torch.zeros(2, 2)
    path = writers.write_torch(tmp_path / "a.pt", {"g_ema": state})
    with pytest.raises(CheckpointError) as caught:
        checkpoints.read(path)
    assert "'convs.1.activate.bias' should be [5], is [9]" in str(caught.value)
    assert "'noises.noise_2' [1, 1, 8, 8] is missing" in str(caught.value)
    assert "'extra.weight' [2, 2] is not expected" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"synthesis.b8.skip.weight": torch.ones(2)}, "resnet"),
        ({"synthesis.b4.torgb.weight": None}, "orig"),
    ],
)
def test_other_networks_are_named(
    tmp_path: Path, change: dict[str, Tensor | None], words: str
) -> None:
    config = writers.tiny_config()
    state = writers.nvlabs_state(config, writers.random_tensors(config)) | change
    state = {name: tensor for name, tensor in state.items() if tensor is not None}
    path = writers.write_nvlabs(tmp_path / "a.pkl", config, state)
    with pytest.raises(CheckpointError, match=words) as caught:
        checkpoints.read(path)
    assert caught.value.kind == Kind.UNSUPPORTED


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_refused_by_name(tmp_path: Path, value: float) -> None:
    config = writers.tiny_config()
    state = writers.nvlabs_state(config, writers.random_tensors(config))
    state["synthesis.b8.conv1.weight"][2, 1, 0, 0] = value
    path = writers.write_nvlabs(tmp_path / "a.pkl", config, state)
    with pytest.raises(CheckpointError, match=r"'synthesis\.b8\.conv1\.weight'") as caught:
        checkpoints.read(path)
    assert caught.value.kind == Kind.NON_FINITE
    with pytest.warns(UserWarning, match=r"synthesis\.layers\.2\.weight"):
        read = checkpoints.read(path, allow_nonfinite=True)
    assert read.facts["nonfinite"] == ["synthesis.layers.2.weight"]

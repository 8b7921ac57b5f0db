"""`steerx edit`: several directions at once, from seeds or codes, and back into a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from torch import Tensor

import steerx
from steerx import Directions
from steerx.generators.codes_file import read_saved, save_codes
from tests.cli.commands import Run, one_line, tiny_network


def pixels(file: str | Path) -> Any:
    return np.asarray(Image.open(file))


def names(folder: str = "out") -> list[str]:
    return sorted(p.name for p in Path(folder).iterdir())


def rendered(G: Any, codes: Any) -> Any:
    with torch.inference_mode():
        styles = codes if isinstance(codes, list) else G.styles(codes)
        return G.renderer.render(styles, out="uint8").numpy()


def direction(path: str, name: str, space: str, size: int, **more: Any) -> Directions:
    torch.manual_seed(len(name))
    vector = torch.randn(1, size)
    one = Directions(vector / vector.norm(), space=space, names=[name], **more)
    one.save(path)
    return one


def test_each_direction_has_its_own_alpha(run: Run, network: Path, sefa: Path) -> None:
    words = ("--alpha", "sefa0=2", "--alpha", "sefa2=-1", "--seeds", "3,0-1", "--trunc", 0.7)
    result = run("edit", network, sefa, *words)
    assert result.exit_code == 0, result.output
    assert names() == ["edited0000.png", "edited0001.png", "edited0003.png", "job.yaml"]
    assert "sefa0=2, sefa2=-1" in result.stdout
    G = steerx.load(network)
    D = steerx.directions.as_directions(sefa)
    w_plus = G.codes(seeds=[3, 0, 1], psi=0.7)
    wanted = rendered(G, steerx.edit(w_plus, D, alpha=[2.0, 0.0, -1.0], psi=0.7, G=G))
    for seed, picture in zip((3, 0, 1), wanted, strict=True):
        assert np.array_equal(pixels(f"out/edited{seed:04d}.png"), picture)
    assert (
        run("edit", network, sefa, "-a", "sefa0=2,sefa2=-1", "-o", "b", *words[4:]).exit_code == 0
    )
    assert np.array_equal(pixels("b/edited0003.png"), wanted[0])


def test_one_alpha_for_all(run: Run, network: Path, sefa: Path) -> None:
    assert run("edit", network, sefa, "--alpha", 1.5, "--seeds", 4).exit_code == 0
    G = steerx.load(network)
    wanted = rendered(G, steerx.edit(G.codes(seeds=4), sefa, alpha=1.5, G=G))
    assert np.array_equal(pixels("out/edited0004.png"), wanted[0])


def test_directions_of_several_spaces_go_in_their_order(run: Run, network: Path) -> None:
    G = steerx.load(network)
    in_z = direction("z.safetensors", "age", "z", G.z_dim, model_id=G.model_id)
    in_w = direction("w.safetensors", "smile", "w", G.w_dim, model_id=G.model_id)
    some = direction("l.safetensors", "pose", "w", G.w_dim, layers=[1, 2], model_id=G.model_id)
    words = ("--alpha", "pose=3,age=2", "--alpha", "smile=-1", "--seeds", 7, "--trunc", 0.5)
    result = run("edit", network, "l.safetensors", "w.safetensors", "z.safetensors", *words)
    assert result.exit_code == 0, result.output
    z = steerx.edit(G.codes(seeds=7, space="z"), in_z, alpha=2.0)
    assert isinstance(z, Tensor)
    w = steerx.edit(G.mapping(z), in_w, alpha=-1.0)
    assert isinstance(w, Tensor)
    w_plus = steerx.edit(G.truncate(w, psi=0.5), some, alpha=3.0, psi=0.5)
    assert np.array_equal(pixels("out/edited0007.png"), rendered(G, w_plus)[0])


def test_codes_of_other_tools_are_taken_as_they_are(run: Run, network: Path, sefa: Path) -> None:
    G = steerx.load(network)
    w_plus = 3 * torch.randn(2, G.num_ws, G.w_dim)  # longer than any w, as an encoder's may be
    torch.save(w_plus, "latents.pt")
    result = run("edit", network, sefa, "--codes", "latents.pt", "-a", "sefa0=0", "--trunc", 0.3)
    assert result.exit_code == 0, result.output
    assert names() == ["edited0000.png", "edited0001.png", "job.yaml"]
    assert np.array_equal(pixels("out/edited0001.png"), rendered(G, w_plus)[1])


def test_saved_codes_are_edited_again(run: Run, network: Path, sefa: Path) -> None:
    first = ("--alpha", "sefa0=2", "--seeds", "5,2", "--trunc", 0.6, "--cutoff", 3)
    kept = ("--save-codes", "kept/codes.safetensors")
    assert run("edit", network, sefa, *first, *kept, "-o", "a").exit_code == 0
    saved = read_saved("kept/codes.safetensors")
    G = steerx.load(network)
    assert saved.space == "w_plus" and saved.facts == {
        "model_id": G.model_id, "seeds": [5, 2], "psi": 0.6, "cutoff": 3
    }  # fmt: skip
    second = ("--codes", "kept/codes.safetensors", "--alpha", "sefa1=1")
    assert run("edit", network, sefa, *second, "-o", "b").exit_code == 0
    assert names("b") == ["edited0002.png", "edited0005.png", "job.yaml"]
    both = ("--alpha", "sefa0=2,sefa1=1", *first[2:])
    assert run("edit", network, sefa, *both, "-o", "c").exit_code == 0
    for seed in (2, 5):  # the second step is shrunk by the truncation that the codes went through
        there, back = (pixels(f"{f}/edited{seed:04d}.png").astype(int) for f in "bc")
        assert abs(there - back).max() <= 1
    assert run("edit", network, sefa, *second, "-o", "d", "--save-codes", "d.npy").exit_code == 0
    assert read_saved("d.npy").space == "w_plus"


def test_styles_in_and_out(run: Run, network: Path) -> None:
    G = steerx.load(network)
    styles = G.codes(seeds="0-1", space="styles")
    sizes = [row.channels for row in G.style_rows]
    save_codes("s.safetensors", styles, "styles", facts={"model_id": G.model_id})
    one = direction("d.safetensors", "eyes", "styles", sum(sizes), style_sizes=sizes)
    words = ("--codes", "s.safetensors", "-a", "4", "--save-codes", "t.safetensors")
    result = run("edit", network, "d.safetensors", *words)
    assert result.exit_code == 0, result.output
    wanted = steerx.edit(styles, one, alpha=4.0)
    assert np.array_equal(pixels("out/edited0001.png"), rendered(G, wanted)[1])
    saved = read_saved("t.safetensors")
    assert saved.space == "styles"
    assert all(torch.equal(a, b) for a, b in zip(saved.codes, wanted, strict=True))


def test_before_and_after_side_by_side(run: Run, network: Path, sefa: Path) -> None:
    words = ("-a", "sefa0=3", "--seeds", 1)
    assert run("edit", network, sefa, *words, "--before", "--scale", 2).exit_code == 0
    assert run("edit", network, sefa, *words, "-o", "b", "--scale", 2).exit_code == 0
    both, after = pixels("out/edited0001.png"), pixels("b/edited0001.png")
    assert after.shape == (32, 32, 3) and both.shape == (36, 70, 3)
    assert np.array_equal(both[2:34, 36:68], after)
    assert run("sample", network, "--seeds", 1, "-o", "c").exit_code == 0
    assert np.array_equal(both[2:34:2, 2:34:2], pixels("c/seed0001.png"))


def test_noise_of_samples_does_not_depend_on_the_batch(run: Run, network: Path, sefa: Path) -> None:
    words = ("-a", 1, "--seeds", "0-2", "--noise-mode", "sample")
    assert run("edit", network, sefa, *words, "--batch", 3).exit_code == 0
    assert run("edit", network, sefa, *words, "--batch", 2, "-o", "b").exit_code == 0
    for name in names("b")[:3]:
        assert abs(pixels(f"out/{name}").astype(int) - pixels(f"b/{name}")).max() <= 1


def test_old_spellings(run: Run, network: Path) -> None:
    G = steerx.load(network)
    np.save("tiny_smile_w_boundary.npy", np.eye(1, G.w_dim, dtype=np.float32))
    np.save("codes.npy", G.codes(seeds="0-1", space="w").numpy())  # type: ignore[union-attr]
    words = ("-m", network, "-b", "tiny_smile_w_boundary.npy", "-i", "codes.npy", "-s", "w")
    result = run("edit", *words, "--alpha", "smile=2", "--trunc_psi", 0.7)
    assert result.exit_code == 0, result.output
    assert names() == ["edited0000.png", "edited0001.png", "job.yaml"]


def test_conditional_networks(run: Run) -> None:
    tiny_network(Path("c.safetensors"), seed=0, c_dim=3)
    assert run("mine", "sefa", "c.safetensors", "-k", 1, "-o", "d.safetensors").exit_code == 0
    words = ("edit", "c.safetensors", "d.safetensors", "-a", 1, "--seeds", 0)
    assert "--class" in one_line(run(*words), 2)
    assert run(*words, "--class", 2).exit_code == 0


def test_a_direction_of_another_class_is_told(run: Run) -> None:
    tiny_network(Path("c.safetensors"), seed=0, c_dim=3)
    mine = ("mine", "ganspace", "c.safetensors", "-k", 1, "-n", 100, "--class", 1)
    assert run(*mine, "-o", "d.safetensors").exit_code == 0
    words = ("edit", "c.safetensors", "d.safetensors", "-a", 1, "--seeds", 0)
    result = run(*words, "--class", 2)
    assert result.exit_code == 0, result.output
    assert "note: pc0: mined under class 1, these pictures are of class 2" in result.stderr
    assert "note" not in run(*words, "--class", 1, "-o", "same").stderr


def test_dry_run_job_and_force(run: Run, network: Path, sefa: Path) -> None:
    words = ("edit", network, sefa, "-a", "sefa0=1", "--seeds", "0-2", "--save-codes", "c.npy")
    result = run(*words, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "3 pictures, 5 files" in result.stdout and not Path("out").exists()
    assert not Path("c.npy").exists()
    assert run(*words).exit_code == 0
    job = yaml.safe_load(Path("out/job.yaml").read_text())
    assert job["arguments"]["alpha"] == ["sefa0=1"] and job["command"] == "edit"
    assert "--force" in one_line(run("edit", "--job", "out/job.yaml"), 74)
    again = ("edit", "--job", "out/job.yaml", "-o", "b", "--save-codes", "d.npy")
    assert run(*again).exit_code == 0
    assert np.array_equal(pixels("b/edited0002.png"), pixels("out/edited0002.png"))
    assert run(*words, "--force").exit_code == 0


def wrong_files(network: Path) -> None:
    G = steerx.load(network)
    direction("z.safetensors", "age", "z", G.z_dim)
    np.save("flat.npy", np.zeros((2, 8), np.float32))
    np.save("long.npy", np.zeros((2, G.num_ws + 1, G.w_dim), np.float32))
    np.save("nan.npy", np.full((2, G.num_ws, G.w_dim), np.nan, np.float32))
    np.save("ok.npy", np.zeros((2, G.num_ws, G.w_dim), np.float32))
    w_plus = torch.zeros(2, G.num_ws, G.w_dim)
    save_codes("other.safetensors", w_plus, "w_plus", facts={"model_id": "b" * 64})
    save_codes("seeds.safetensors", w_plus, "w_plus", facts={"seeds": [1, 1]})
    save_codes("paths.safetensors", w_plus, "w_plus", facts={"seeds": ["../x", 1]})


@pytest.mark.parametrize(
    "words, code, said",
    [
        ((), 2, "give --alpha sefa0=2"),
        (("-a", "sefa9=1"), 2, "did you mean"),
        (("-a", "sefa0=much"), 2, "finite number"),
        (("-a", "sefa0=nan"), 2, "finite number"),
        (("-a", "sefa0"), 2, "finite number"),
        (("-a", "1", "-a", "sefa0=2"), 2, "stands alone"),
        (("-a", "sefa0=1", "-a", "0=2"), 2, "has an alpha already"),
        (("-a", "7=1"), 2, "numbered 0-2"),
        (("SEFA", "-a", "sefa0=1"), 2, "2 of the directions are called"),
        (("-a", "1", "--codes", "none.npy"), 74, "none.npy"),
        (("-a", "1", "--codes", "flat.npy"), 2, "--space"),
        (("-a", "1", "--codes", "flat.npy", "--space", "w"), 2, "[2, 8]"),
        (("-a", "1", "--codes", "long.npy"), 2, "L"),
        (("-a", "1", "--codes", "nan.npy"), 65, "NaN"),
        (("-a", "1", "--codes", "other.safetensors"), 65, "checkpoint bbbbbbbbbbbb"),
        (("-a", "1", "--codes", "seeds.safetensors"), 65, "no seed for each"),
        (("-a", "1", "--codes", "paths.safetensors"), 65, "seeds that are none"),
        (("-a", "1", "--save-codes", "c.txt"), 2, "--save-codes"),
        (("-a", "1", "--layers", "0-99"), 2, "--layers"),
        (("z.safetensors", "-a", "age=1", "--codes", "ok.npy"), 2, "needs codes in z"),
        (("-a", "1", "--trunc", "inf"), 2, "psi"),
    ],
)
def test_wrong_words(
    run: Run, network: Path, sefa: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    wrong_files(network)
    there = names(".")
    changed = [str(sefa) if word == "SEFA" else word for word in words]
    assert said in one_line(run("edit", network, sefa, *changed), code)
    assert names(".") == there


def test_directions_of_another_network(run: Run, other_network: Path, sefa: Path) -> None:
    assert "--any-checkpoint" in one_line(run("edit", other_network, sefa, "-a", 1), 65)
    assert "behind NETWORK" in one_line(run("edit", other_network, "-a", 1), 2)
    assert run("edit", other_network, sefa, "-a", 1, "--any-checkpoint").exit_code == 0

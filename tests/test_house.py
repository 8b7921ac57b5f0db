"""Questions every line can answer: what may stand where in this house."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from steerx.ops import REGISTRY

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "steerx"
PYTHON = sorted(PACKAGE.rglob("*.py"))
NATIVE = sorted(p for p in (ROOT / "csrc").rglob("*") if p.suffix in {".h", ".cpp", ".cu", ".cuh"})

# what, in which files it is at home (folders or files below steerx/)
RULES = [
    (r"\bprint\(", ["cli"]),
    (r"os\.environ|getenv", ["cli"]),
    (r"\* 127\.5", ["_pictures.py"]),
    (r"torch\.load|pickle\.load|allow_pickle=True|torch\.hub", []),
    (
        r"\.cpu\(\)|\.item\(\)|\.numpy\(\)|synchronize\(",
        ["sweeping", "augmentation", "scoring", "directions", "checkpoints", "cli", "faces/training.py",
         "rendering/choosing.py", "faces/gate.py", "faces/scorer_training.py", "working/tensors.py"],
    ),
    (r"dlatent|sample_id\b|latent_space_type|boundaries_path", ["cli/aliases.py", "checkpoints/tensorflow_era.py"]),
    (r"_dispatch_has_kernel|torch\.library\.", ["ops/_library.py"]),
]  # fmt: skip


@pytest.mark.parametrize("pattern, homes", RULES, ids=[rule[0] for rule in RULES])
def test_what_stands_only_in_its_room(pattern, homes) -> None:
    found = []
    for path in PYTHON:
        room = path.relative_to(PACKAGE).as_posix()
        if any(room == home or room.startswith(f"{home}/") for home in homes):
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if re.search(pattern, line.split("#")[0]) and '"""' not in line:
                found.append(f"{room}:{number}: {line.strip()}")
    assert found == []


def test_rooms_have_names_of_things() -> None:
    shapeless = {"utils", "helpers", "common", "misc"}
    assert [p for p in PYTHON if p.stem in shapeless] == []


def test_files_are_short() -> None:
    long = [p.name for p in [*PYTHON, *NATIVE] if len(p.read_text().splitlines()) > 400]
    assert long == []


def test_kernels_know_neither_torch_nor_python() -> None:
    for path in NATIVE:
        room = path.relative_to(ROOT / "csrc").parts[0]
        text = path.read_text()
        if room in ("include", "cuda", "cpu"):
            assert not re.search(r"#include\s*[<\"](torch|ATen|c10|Python|pybind11)", text), path


def test_every_operator_has_its_tests_and_every_native_one_its_rooms() -> None:
    assert set(REGISTRY) >= {"edit_styles", "style_layer", "to_rgb", "modulated_conv2d"}
    for name in REGISTRY:
        assert (PACKAGE / "ops" / f"_{name}.py").exists()
        assert (ROOT / "tests" / "ops" / f"test_{name}.py").exists()
    native = {p.stem for p in (ROOT / "csrc" / "torch").glob("*.cpp")} & set(REGISTRY)
    assert "edit_styles" in native
    for name in native:
        rooms = [f"csrc/include/steerx/{name}.h", f"bench/bench_{name}.py"]
        binding = (ROOT / f"csrc/torch/{name}.cpp").read_text()
        if "TORCH_LIBRARY_IMPL(steerx, CUDA" in binding:
            rooms += [f"csrc/cuda/{name}.cuh", f"csrc/cuda/{name}.cu"]
        if "TORCH_LIBRARY_IMPL(steerx, CPU" in binding:
            rooms.append(f"csrc/cpu/{name}.cpp")
        assert len(rooms) > 2, f"{name} is bound to no device"
        assert [room for room in rooms if not (ROOT / room).exists()] == []


def test_the_text_speaks_of_the_project_alone() -> None:
    strangers = re.compile(r"/work/|/root/|/tmp/(?!\S*pytest)|pypi\.org|index-url")
    found = []
    for folder in ("steerx", "csrc", "docs", "bench", "tests", ".ci"):
        for path in (ROOT / folder).rglob("*"):
            if (
                path.suffix in {".py", ".md", ".h", ".cpp", ".cu", ".cuh", ".txt", ""}
                and path.is_file()
            ):
                if path.resolve() == Path(__file__).resolve():
                    continue
                text = path.read_text(errors="ignore")
                found += [f"{path}: {m.group()}" for m in strangers.finditer(text)]
    assert found == []

"""The files about the repository say what is true: hooks, citation, security, compatibility."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import steerx
from steerx.cli.job_file import Job
from steerx.directions import file as direction_file

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LYING = {"steerx": lambda: torch.ones(2), "lying": lambda: torch.zeros(2)}
PEOPLE = {"type", "title", "authors", "year", "identifiers", "notes", "journal", "collection-title"}


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def hooks() -> list[dict[str, Any]]:
    (repository,) = yaml.safe_load(text(".pre-commit-config.yaml"))["repos"]
    assert repository["repo"] == "local"  # nothing is fetched
    return list(repository["hooks"])


def lint() -> list[str]:
    """The commands of `make lint`."""
    recipe = text("Makefile").split("\nlint:")[1].split("\n\n")[0].splitlines()[1:]
    whole = "\n".join(recipe).replace("\\\n", " ").splitlines()
    return [line.strip().replace("$(BIN)", ".venv/bin") for line in whole]


def test_the_hooks_are_the_commands_of_make_lint() -> None:
    entries = [hook["entry"] for hook in hooks()]
    commands = [re.sub(r" \$\(.*", "", line) for line in lint()]  # without the list of native files
    assert entries == commands
    for hook in hooks():
        assert hook["language"] == "system" and {"id", "name"} <= set(hook)
        assert hook.get("pass_filenames", True) == (hook["id"] == "clang-format")


def test_every_hook_has_a_tool_that_the_project_installs() -> None:
    installed = {
        re.split(r"[<>=]", n)[0] for n in PROJECT["project"]["optional-dependencies"]["dev"]
    }
    tools = {"lint-imports": "import-linter"}
    for hook in hooks():
        tool = hook["entry"].split()[0].rpartition("/")[2]
        assert tools.get(tool, tool) in installed, tool


def test_the_patterns_of_the_hooks_meet_files() -> None:
    tracked = [
        path.relative_to(ROOT).as_posix()
        for folder in ("steerx", "csrc", "tests")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    native = next(hook["files"] for hook in hooks() if hook["id"] == "clang-format")
    asked = {
        path.relative_to(ROOT).as_posix()
        for pattern in re.findall(r"[\w/*]+\*\.(?:h|cpp|cuh?)\b", text("Makefile"))
        for path in ROOT.glob(pattern)
    }
    assert {name for name in tracked if re.search(native, name)} == asked
    for hook in hooks():
        if "files" in hook:
            assert any(re.search(hook["files"], name) for name in tracked), hook["id"]


def test_the_citation_is_complete_and_of_this_version() -> None:
    cff = yaml.safe_load(text("CITATION.cff"))
    assert cff["cff-version"] == "1.2.0" and cff["type"] == "software"
    assert {"message", "title", "authors", "version", "license", "references"} <= set(cff)
    assert cff["version"] == PROJECT["project"]["version"] == steerx.__version__
    assert cff["license"] == PROJECT["project"]["license"]
    for reference in cff["references"]:
        assert {"type", "title", "authors", "year"} <= set(reference) <= PEOPLE
        assert reference["type"] in ("article", "conference-paper")
        assert all(set(a) == {"family-names", "given-names"} for a in reference["authors"])
        (arxiv,) = reference["identifiers"]
        assert re.fullmatch(r"arXiv:\d{4}\.\d{5}", arxiv["value"]) and arxiv["type"] == "other"
    assert len({r["title"] for r in cff["references"]}) == len(cff["references"])


@pytest.mark.parametrize(
    "name, year",
    [
        ("InterFaceGAN", 2020), ("GANSpace", 2020), ("SeFa", 2021), ("StyleGAN", 2019),
        ("StyleGAN2", 2020), ("StyleGAN2-ADA", 2020), ("StyleSpace", 2021), ("PGGAN", 2018),
    ],
)  # fmt: skip
def test_the_papers_are_named(name: str, year: int) -> None:
    references = yaml.safe_load(text("CITATION.cff"))["references"]
    assert [r for r in references if r["notes"].startswith(f"{name}:") and r["year"] == year]


def test_versions_of_files_are_those_of_the_code() -> None:
    rows = dict(
        re.findall(r"^\| (\w+)[^|]*\|[^|]*\| ([\d-]+) \|$", text("docs/compatibility.md"), re.M)
    )
    from steerx.augmentation import amendments, plan
    from steerx.checkpoints import canonical
    from steerx.generators import codes_file
    from steerx.scoring import journal

    (job,) = Job.model_fields["steerx_job"].annotation.__args__  # type: ignore[union-attr]
    assert rows == {
        "directions": str(direction_file.VERSION),
        "networks": str(canonical.VERSION),
        "codes": str(codes_file.VERSION),
        "jobs": str(job),
        "journals": str(journal._VERSION),
        "plans": str(plan.VERSION),
        "amendments": str(amendments.VERSION),
    }


@pytest.mark.parametrize("page", ["docs/compatibility.md", "SECURITY.md", "CONTRIBUTING.md"])
def test_files_that_a_page_names_are_there(page: str) -> None:
    named = re.findall(
        r"[`(]((?:\.\./)?(?:steerx|tests|docs|bench|\.ci)/[\w./-]+|\.\./\w+\.md)[`)]", text(page)
    )
    for name in named:
        path = (ROOT / page).parent / name if name.startswith("..") else ROOT / name
        assert path.exists() or "desaturate" in name, name
    assert named


def test_the_security_page_says_the_supported_version() -> None:
    major, minor, _ = PROJECT["project"]["version"].split(".")
    assert f"| {major}.{minor}.x " in text("SECURITY.md")


def test_every_operator_has_a_bench_whose_sides_agree() -> None:
    from bench import bench_operators
    from bench.rows import agreed
    from steerx.ops import REGISTRY

    rows = [parameter.values[0] for parameter in bench_operators.ROWS]
    named = {row.case.split()[0] for row in rows}
    own = {path.stem.removeprefix("bench_") for path in (ROOT / "bench").glob("bench_*.py")}
    assert set(REGISTRY) <= named | own
    with torch.no_grad():
        for row in rows:
            agreed(row)
    lying = dataclasses.replace(rows[0], tolerance=0.0, side="lying", build=lambda: LYING)
    with pytest.raises(AssertionError, match="lying differs by"):
        agreed(lying)

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cli.commands import Run, one_line


def test_a_job_repeats_a_run_and_other_words_win(run: Run, network: Path) -> None:
    assert run("sample", network, "--seeds", "85", "--trunc", 0.5, "-o", "one").exit_code == 0
    job = yaml.safe_load(Path("one/job.yaml").read_text())
    assert job["steerx_job"] == 1 and job["command"] == "sample"
    said = job["arguments"]
    assert said["network"] == str(network) and said["seeds"] == "85" and said["trunc"] == 0.5
    assert said["noise_mode"] == "const" and "force" not in said and "job" not in said
    assert len(job["made_by"]["model"]) == 64
    assert run("sample", "--job", "one/job.yaml", "-o", "two").exit_code == 0
    assert Path("two/seed0085.png").read_bytes() == Path("one/seed0085.png").read_bytes()
    assert run("sample", "--job", "one/job.yaml", "-o", "3", "--seeds", "7").exit_code == 0
    assert sorted(p.name for p in Path("3").glob("*.png")) == ["seed0007.png"]


def test_the_job_of_a_file_lies_beside_it(run: Run, network: Path) -> None:
    assert run("mine", "sefa", network, "-k", 2, "-o", "found/d.safetensors").exit_code == 0
    job = yaml.safe_load(Path("found/d.job.yaml").read_text())
    assert job["command"] == "mine sefa" and job["arguments"]["k"] == 2
    again = run("mine", "sefa", "--job", "found/d.job.yaml", "-o", "again.safetensors")
    assert again.exit_code == 0
    assert Path("again.safetensors").read_bytes() == Path("found/d.safetensors").read_bytes()


def test_no_job_of_another_run_is_replaced(run: Run, network: Path) -> None:
    assert run("sample", network, "--seeds", "0").exit_code == 0
    first = Path("out/job.yaml").read_bytes()
    assert run("sample", network, "--seeds", "1").exit_code == 0
    assert Path("out/job.yaml").read_bytes() == first
    assert yaml.safe_load(Path("out/job-2.yaml").read_text())["arguments"]["seeds"] == "1"
    assert run("sample", network, "--seeds", "2", "--force").exit_code == 0
    assert yaml.safe_load(Path("out/job.yaml").read_text())["arguments"]["seeds"] == "2"
    assert not Path("out/job-3.yaml").exists()


GOOD = "steerx_job: 1\ncommand: sample\narguments: {network: faces}\n"


@pytest.mark.parametrize(
    "text, code, words",
    [
        (GOOD.replace("1", "2", 1), 65, "steerx_job"),
        (GOOD.replace("sample", "sweep"), 2, "steerx sweep --job"),
        (GOOD.replace("network", "netwrok"), 65, "no argument 'netwrok'"),
        (GOOD + "extra: 1\n", 65, "extra"),
        (GOOD.replace("faces", "{a: b}"), 65, "arguments"),
        (GOOD.replace("faces", "*a"), 65, "alias"),
        ("- 1\n- 2\n", 65, "job"),
        ("a: [", 65, "not YAML"),
        ("[" * 5000, 65, "not YAML"),
        ("\x00\x01", 65, "not YAML"),
        (GOOD + "# " + "x" * (1 << 20), 65, "bytes"),
        ("!!python/object/apply:os.system ['touch ran']", 65, "not YAML"),
        (GOOD.replace("network: faces", "network: faces, seeds: 4-2"), 2, "--seeds"),
        (GOOD.replace("network: faces", "network: faces, trunc: much"), 2, "trunc"),
    ],
)
def test_what_is_no_job_is_refused(run: Run, text: str, code: int, words: str) -> None:
    Path("bad.yaml").write_text(text)
    assert words in one_line(run("sample", "--job", "bad.yaml"), code)
    assert sorted(p.name for p in Path().iterdir()) == ["bad.yaml"]


def test_a_job_that_is_not_there(run: Run) -> None:
    assert "none.yaml" in one_line(run("sample", "--job", "none.yaml"), 74)


def test_dry_run_says_what_it_would_do_and_writes_nothing(run: Run, network: Path) -> None:
    words = ("sample", network, "--seeds", "0-9", "--grid")
    result = run(*words, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "10 pictures, 12 files" in result.stdout and "nothing was written" in result.stdout
    assert list(Path().iterdir()) == []
    assert run(*words).exit_code == 0
    assert len(list(Path("out").iterdir())) == 12

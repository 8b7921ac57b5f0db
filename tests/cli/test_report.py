from __future__ import annotations

from pathlib import Path

from steerx.directions import Directions
from tests.cli.commands import Run, one_line

HOSTILE = '"><script>alert(1)</script>'


def made(run: Run, *words: object) -> str:
    result = run("report", *words)
    assert result.exit_code == 0, result.output
    return Path("report.html").read_text(encoding="utf-8")


def test_a_page_of_a_mining(run: Run, network: Path, sefa: Path) -> None:
    Directions.load(sefa).rename({"sefa1": HOSTILE}).save("hostile.safetensors")
    page = made(run, network, "hostile.safetensors", "--seeds", "0-1", "--alphas=-1,0,1")
    assert page.count("<img ") == 2 * 2 * 3 * 3
    assert "<script" not in page and "&lt;script&gt;" in page
    assert "<svg" in page and "Eigenvalue" in page and "Cosines" in page
    assert "http:" not in page and "https:" not in page
    assert page.count("alt=") == page.count("<img ") and "prefers-color-scheme:dark" in page
    assert Path("report.job.yaml").is_file()
    assert "--force" in one_line(run("report", network, sefa), 74)


def test_a_job_of_a_mining_names_its_file(run: Run, sefa: Path) -> None:
    assert "What was found" in made(run, "sefa.job.yaml", "--seed", 1, "--only", "0-1")
    sefa.unlink()
    assert "is not there" in one_line(run("report", "sefa.job.yaml", "--force"), 65)


def test_a_sweep_is_shown_as_it_was(run: Run, network: Path, sefa: Path) -> None:
    words = ("--seeds", "3,5", "--alphas=-2,0,2", "--trunc", 0.5, "--only", "sefa1", "-o", "swept")
    assert run("sweep", network, sefa, *words, "--report").exit_code == 0
    page = made(run, "swept")
    theirs = Path("swept/index.html").read_text(encoding="utf-8")

    def pictures(text: str) -> list[str]:
        return [part.split('"', 1)[0] for part in text.split('src="')[1:]]

    assert pictures(page) == pictures(theirs) and len(pictures(page)) == 12
    assert "By seed" in page and "By direction" in page
    assert "leave them out" in one_line(run("report", "swept", "--seed", 1, "--force"), 2)


def test_scores_are_correlated(run: Run, network: Path, sefa: Path) -> None:
    lines = [f"{(k * 7) % 11},{(k * 5) % 13}" for k in range(30)]
    Path("s.csv").write_text("\n".join(["sefa0,sefa1", *lines]) + "\n")
    page = made(run, network, sefa, "--seed", 1, "--scores", "s.csv")
    assert "Correlation of the scores" in page and "of 30 pictures" in page


def test_refusals(run: Run, network: Path, other_network: Path, sefa: Path) -> None:
    assert "checkpoint" in one_line(run("report", other_network, sefa), 65)
    assert "at most 2000 pictures" in one_line(run("report", network, sefa, "--seeds", "0-999"), 2)
    assert "behind NETWORK" in one_line(run("report", network), 2)
    Path("empty").mkdir()
    assert "no job.yaml" in one_line(run("report", "empty"), 65)
    assert ".html" in one_line(run("report", network, sefa, "-o", "a.pdf"), 2)
    assert "would write" in run("report", network, sefa, "--dry-run").output
    assert not list(Path().glob("report*"))

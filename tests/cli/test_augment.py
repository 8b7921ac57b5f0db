from __future__ import annotations

import json
import os
import shlex
import signal
from pathlib import Path

import pytest
import yaml
from pyarrow import parquet

from steerx.augmentation import making
from steerx.cli import progress
from tests.cli.commands import Run, one_line, tiny_network

SMALL = ("-a", "uniform:-2,2", "-n", 6, "--edits", 2, "--shard-size", 8, "--format", "png")


@pytest.fixture
def made(run: Run, network: Path, sefa: Path) -> Path:
    result = run("augment", "run", network, sefa, *SMALL, "-o", "set")
    assert result.exit_code == 0, result.output
    assert result.stdout == "18 pictures in 3 shards in set; 3 made now\n"
    return Path("set")


def test_plan_says_what_it_takes_and_writes_nothing(run: Run, network: Path, sefa: Path) -> None:
    result = run("augment", "plan", network, sefa, "-a", "1", "-n", 1_000_000, "-o", "set")
    assert result.exit_code == 0, result.output
    for words in ("2000000 pictures of 16 px", "1954 shards of 1024", "GB", "binds", "nothing was"):
        assert words in result.stdout
    assert not Path("set").exists()
    assert "0 pictures" in run("augment", "plan", network, sefa, "-a", "1", "-n", 0).stdout


def test_plan_says_where_nothing_may_be_written(
    run: Run, network: Path, sefa: Path, monkeypatch
) -> None:
    words = ("augment", "plan", network, sefa, *SMALL, "-o", "set")
    assert "may not be written" not in run(*words).stderr
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    result = run(*words)
    assert result.exit_code == 0 and "may not be written; choose another place" in result.stderr


def test_png_is_told_to_bind(run: Run, network: Path, sefa: Path, monkeypatch) -> None:
    from steerx.augmentation import estimating

    times = iter(range(100))
    monkeypatch.setattr(estimating, "_ENOUGH", 0.0)
    monkeypatch.setattr(
        estimating.estimate, "__kwdefaults__", {"clock": lambda: float(next(times)) ** 2}
    )
    result = run("augment", "plan", network, sefa, *SMALL)
    assert "encoding binds; --format webp" in result.stdout


def test_the_folder_goes_on_by_itself(run: Run, made: Path) -> None:
    assert yaml.safe_load((made / "job.yaml").read_text())["command"] == "augment run"
    (made / "shard-000001.tar").unlink()
    result = run("augment", "resume", made)
    assert result.exit_code == 0, result.output
    assert "1 made now" in result.stdout and "1 of 3 shards are to be made" in result.stderr
    assert sorted(p.name for p in made.glob("job*")) == ["job.yaml"]


def test_progress_counts_what_is_to_be_made(run: Run, made: Path, monkeypatch) -> None:
    monkeypatch.setattr(progress, "INTERVAL", -1.0)
    for shard in range(2):
        (made / f"shard-{shard:06d}.tar").unlink()
    assert "augmenting: 8 of 16, " in run("augment", "resume", made).stderr


def test_resumed_elsewhere_it_says_where_its_paths_begin(
    run: Run, network: Path, sefa: Path, tmp_path: Path, monkeypatch
) -> None:
    words = ("augment", "run", network, sefa.name, *SMALL, "-o", "set")
    assert run(*words).exit_code == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    line = one_line(run("augment", "resume", tmp_path / "set"), 74)
    assert "there is no file sefa.safetensors, which" in line and "go there" in line


def test_status(run: Run, made: Path) -> None:
    told = json.loads(run("augment", "status", made, "--json").stdout)
    assert told["finished"] and told["done_shards"] == 3 and told["done_samples"] == 18
    assert told["failed"] == {} and told["last_event"] < 60
    (made / "_SUCCESS").unlink()
    (made / "shard-000000.tar").unlink()
    (made / "failed").mkdir()
    failed = {"shard": 0, "plan_id": told["plan_id"], "reason": "NaN"}
    (made / "failed" / "shard-000000.json").write_text(json.dumps(failed))
    with (made / "events.jsonl").open("a") as handle:
        handle.write('{"event": torn')
    said = run("augment", "status", made).stdout
    assert "2 of 3 shards, 10 of 18 pictures" in said and "failed: shard 0: NaN" in said


def test_verify(run: Run, made: Path) -> None:
    assert run("augment", "verify", made).stdout == "3 shards are whole, 0 not made yet\n"
    shard = made / "shard-000002.tar"
    shard.write_bytes(shard.read_bytes()[:-1])
    line = one_line(run("augment", "verify", made), 65)
    assert "1 shards of set are damaged: shard-000002.tar" in line and "--fix" in line
    assert run("augment", "verify", made, "--fix", "--json").exit_code == 65
    assert run("augment", "resume", made).exit_code == 0
    assert run("augment", "verify", made).exit_code == 0
    (made / "_SUCCESS").write_text("torn")
    assert "set is not finished" in one_line(run("augment", "verify", made), 65)
    assert run("augment", "resume", made).exit_code == 0
    assert run("augment", "verify", made).exit_code == 0


def test_a_finished_set_without_a_receipt_is_not_whole(run: Run, made: Path) -> None:
    (made / "shard-000001.tar.json").unlink()
    line = one_line(run("augment", "verify", made), 65)
    assert "1 of its shards have no receipt, the first is 1; `steerx augment resume`" in line
    assert not json.loads(run("augment", "status", made, "--json").stdout)["finished"]
    assert run("augment", "resume", made).exit_code == 0
    assert run("augment", "verify", made).exit_code == 0


def test_the_job_of_a_run_can_be_planned(run: Run, made: Path) -> None:
    result = run("augment", "plan", "--job", made / "job.yaml")
    assert result.exit_code == 0, result.output
    told = json.loads((made / "plan.json").read_bytes())
    assert f"plan {told['plan_id'][:12]}: 18 pictures" in result.stdout
    Path("job.yaml").write_text("steerx_job: 1\ncommand: augment plan\n")
    assert "`steerx augment plan --job" in one_line(run("augment", "run", "--job", "job.yaml"), 2)


def test_another_job_is_refused_with_the_difference(
    run: Run, made: Path, network: Path, sefa: Path
) -> None:
    words = ("augment", "run", network, sefa, *SMALL, "-o", made)
    line = one_line(run(*words, "--key", 3), 64)
    assert "set holds another job: key was 0, is 3" in line
    assert run(*words).stdout == "18 pictures in 3 shards in set; 0 made now\n"
    (made / "plan.json").write_text("{")
    assert "torn" in one_line(run("augment", "status", made), 65)
    line = one_line(run("augment", "verify", made), 65)
    assert "set/plan.json is torn" in line and "`steerx augment resume` writes it anew" in line
    assert run("augment", "resume", made).exit_code == 0
    assert run("augment", "verify", made).exit_code == 0
    assert "holds no plan.json" in one_line(run("augment", "verify", "elsewhere"), 64)
    assert "holds no job.yaml" in one_line(run("augment", "resume", "elsewhere"), 64)


def test_alphas_by_name(run: Run, network: Path, sefa: Path) -> None:
    words = ("augment", "run", network, sefa, "-n", 2, "--edits", 2, "--at-once", 2)
    result = run(*words, "-a", "sefa0=-1,1", "-a", "2=normal:0,1", "-o", "set")
    assert result.exit_code == 0, result.output
    edits = json.loads(Path("set/plan.json").read_bytes())["plan"]["edits"]
    assert [edit["name"] for edit in edits] == ["sefa0", "sefa2"]
    assert edits[0]["alphas"] == {"kind": "fixed", "values": [-1.0, 1.0]}
    for bad, said in (
        (("-a", "smile=1"), "no direction 'smile'"),
        (("-a", "much"), "alpha must look like"),
        ((), "give --alpha sefa0=uniform:-3,3"),
        (("-a", "1", "--class", "2"), "has no classes; leave out --class"),
        (("-a", "1", "--class", "x"), "--class"),
        (("-a", "1", "--workers", "2"), "together"),
        (("-a", "1", "--seeds", "0-3"), "one of --count, --seeds and --codes"),
    ):
        assert said in one_line(run(*words, *bad, "-o", "other"), 2)
    assert not Path("other").exists()


def test_a_class_is_asked_for_by_its_option(run: Run, tmp_path: Path) -> None:
    network = tiny_network(tmp_path / "c.safetensors", seed=0, c_dim=3)
    words = ("augment", "run", network, "-n", 2, "--edits", 0, "-o", "set")
    assert "needs --class, such as 0-2" in one_line(run(*words), 2)
    assert "--class: classes are integers 0-2, got [3]" in one_line(run(*words, "--class", 3), 2)
    assert not Path("set").exists()


def test_workers_share_a_folder(run: Run, network: Path, sefa: Path, made: Path) -> None:
    words = ("augment", "run", network, sefa, *SMALL, "-o", "shared", "--workers", 2)
    for index in (1, 0):
        assert run(*words, "--worker-index", index).exit_code == 0
    for name in ("manifest.json", "_SUCCESS", "shard-000002.tar"):
        assert Path("shared", name).read_bytes() == (made / name).read_bytes()


def test_actors_are_asked_for_by_number(run: Run, network: Path, sefa: Path) -> None:
    result = run("augment", "run", network, sefa, *SMALL, "--ray", "auto", "-o", "set")
    assert "give --processes N beside --ray" in one_line(result, 2)
    assert not Path("set").exists()


def test_sources_of_codes(run: Run, network: Path, sefa: Path) -> None:
    words = ("edit", network, sefa, "-a", "sefa0=1", "--seeds", "0-2", "--save-codes", "c.npy")
    assert run(*words).exit_code == 0
    words = ("augment", "run", network, sefa, "-a", "1", "--codes", "c.npy", "--space", "w_plus")
    result = run(*words, "-o", "set")
    assert result.exit_code == 0, result.output
    assert json.loads(Path("set/manifest.json").read_bytes())["samples"] == 6


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_run_after_its_batch(
    run: Run, network: Path, sefa: Path, made: Path, monkeypatch, number: int
) -> None:
    rendered = making.pixels_of

    def interrupted(pictures, ids):  # type: ignore[no-untyped-def]
        if ids.start == 8:
            os.kill(os.getpid(), number)
        return rendered(pictures, ids)

    monkeypatch.setattr(making, "pixels_of", interrupted)
    words = ("augment", "run", network, sefa, *SMALL, "--batch", 4, "-o", "cut")
    line = one_line(run(*words), 128 + number)
    assert f"stopped by signal {int(number)}" in line
    names = sorted(p.name for p in Path("cut").iterdir())
    assert not [name for name in names if name.endswith(".tmp")]
    assert "shard-000000.tar.json" in names and "shard-000001.tar" not in names
    monkeypatch.undo()


def test_a_network_that_gives_nan_fails_its_shards(
    run: Run, network: Path, sefa: Path, monkeypatch
) -> None:
    from steerx.augmentation.errors import ShardError

    def failing(pictures, ids):  # type: ignore[no-untyped-def]
        raise ShardError(f"sample {ids[0]} has NaN")

    monkeypatch.setattr(making, "pixels_of", failing)
    words = ("augment", "run", network, sefa, *SMALL, "-o", "set")
    assert "3 shards were not made, the first is 0: sample 0 has NaN" in one_line(run(*words), 3)


SCORER = """
import torch

def light(images):
    return images.clamp(-1, 1).mean(dim=(1, 2, 3))[:, None] * 10

light.names = ("light",)
"""


def test_a_scorer(run: Run, network: Path, sefa: Path) -> None:
    Path("judge.py").write_text(SCORER)
    words = ("augment", "run", network, sefa, "-a", "1=target:light:bins:-2,0,2", "-n", 20)
    rules = ("--accept", "reached", "--tries", 2, "--reach", "-20,20", "--format", "png")
    words = (*words, "--scorer", "judge.py:light", *rules, "--shard-size", 8, "--batch", 4)
    result = run(*words, "-o", "one", "--processes", 1)
    assert result.exit_code == 0, result.output
    told = json.loads(run("augment", "status", "one", "--json").stdout)
    assert f"{told['done_samples']} pictures" in result.stdout
    assert told["done_samples"] + told["rejected"] == 40 and 0 < told["rejected"] < 20
    assert f"({told['rejected']} more were left out)" in result.stdout
    assert f"({told['rejected']} left out)" in run("augment", "status", "one").stdout
    for to in ("webdataset", "imagefolder", "stylegan-zip", "parquet"):
        exported = run("augment", "export", "one", "--to", to, "--out", to)
        assert exported.stdout == f"{told['done_samples']} pictures in {to}\n", exported.output
    rows = parquet.read_table(next(Path("parquet").glob("data/*.parquet"))).to_pylist()
    lines = Path("imagefolder", "metadata.jsonl").read_text().splitlines()
    for row, line in zip(rows, map(json.loads, lines), strict=True):
        assert row["scores"] == line["scores"] and row["edits"] == line["edits"]
        assert all(edit["reached"] for edit in row["edits"])
    plan = run("augment", "plan", *words[2:], "--accept", "light>=100").stdout
    assert "the rules take 0% of the first samples" in plan
    assert run(*words, "-o", "two", "--processes", 2).exit_code == 0
    for shard in range(5):
        name = f"shard-{shard:06d}.tar"
        assert Path("one", name).read_bytes() == Path("two", name).read_bytes()
    assert run("augment", "resume", "two").exit_code == 0
    Path("judge.py").write_text(SCORER.replace("10", "9"))
    assert "holds another job: judging.sha256" in one_line(run("augment", "resume", "two"), 64)


def test_a_scorer_that_does_not_fit(run: Run, network: Path, sefa: Path) -> None:
    Path("judge.py").write_text(SCORER.replace("light.names", "light.columns"))
    Path("named.py").write_text(SCORER)
    words = ("augment", "run", network, sefa, "-n", 2, "-a")
    for bad, said in (
        (("1=target:1",), "a score can be sought only where there is a scorer"),
        (("1=target:1", "--scorer", "named.py"), "must be faces, module:function or file.py"),
        (
            ("1", "--scorer", "truth"),
            "must be faces, module:function or file.py:function, got 'tru",
        ),
        *(
            (
                ("1", f"--{name}", value),
                f"--{name} needs a --scorer, which it is a setting of, got none",
            )
            for name, value in (
                ("accept", "reached"),
                ("tries", 2),
                ("reach", "-5,5"),
                ("tolerance", 0.1),
                ("looks", 8),
            )
        ),
        (("1", "--scorer", "judge.py:light"), "it does not say its columns"),
        (("1", "--scorer", "named.py:light", "--reach", "6"), "--reach must look like -6,6"),
        (("1", "--scorer", "named.py:light", "--accept", "tall>=1"), "names 'tall'"),
    ):
        assert said in one_line(run(*words, *bad, "-o", "other"), 2)
    assert not Path("other").exists()


@pytest.mark.parametrize("to", ["webdataset", "imagefolder", "stylegan-zip", "parquet"])
def test_export(run: Run, made: Path, to: str) -> None:
    result = run("augment", "export", made, "--to", to, "--out", "out", "--per-file", 7)
    assert result.exit_code == 0, result.output
    assert result.stdout == "18 pictures in out\n"
    assert "out exists" in one_line(run("augment", "export", made, "--to", to, "-o", "out"), 74)


def test_export_refuses_what_is_not_whole(run: Run, made: Path) -> None:
    words = ("augment", "export", made, "--to", "parquet", "--out", "out")
    shard = made / "shard-000002.tar"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:1000] + b"!" + whole[1001:])
    assert "shard-000002.tar has other bytes" in one_line(run(*words), 65)
    shard.unlink()
    (made / "_SUCCESS").unlink()
    line = one_line(run(*words), 65)
    assert "2 of 3 shards are done" in line and "give --partial" in line
    assert run(*words, "--partial").stdout == "16 pictures in out\n"
    assert "holds no plan.json" in one_line(run("augment", "export", "no", *words[3:]), 64)
    assert "--to" in one_line(run("augment", "export", made, "--to", "lmdb", "-o", "x"), 2)


def test_another_batch_for_what_is_not_done(
    run: Run, network: Path, sefa: Path, monkeypatch
) -> None:
    import torch

    from steerx.augmentation import Pictures

    render = Pictures.render

    def narrow(pictures, samples):  # type: ignore[no-untyped-def]
        if len(samples.ids) > 2 and 8 in samples.ids:
            raise torch.OutOfMemoryError("no room")
        return render(pictures, samples)

    monkeypatch.setattr(Pictures, "render", narrow)
    words = ("augment", "run", network, sefa, *SMALL, "--processes", 1, "--batch", 4, "-o")
    line = one_line(run(*words, "a set"), 3)
    remedy = "augment plan --amend-batch 2 --outdir 'a set'"
    assert f"a batch of 2 fits: `steerx {remedy}`" in line
    result = run(*shlex.split(remedy))
    assert result.exit_code == 0, result.output
    assert "1 of 3 shards are to be made, 2 pictures at once" in result.stdout
    assert "`steerx augment resume 'a set'` goes on" in result.stdout
    told = json.loads(run("augment", "status", "a set", "--json").stdout)
    assert [part["shards"] for part in told["parts"]] == [[[0, 0], [2, 2]], [[1, 1]]]
    assert (
        "amended: 2 shards by 4, 1 shards by 2 pictures" in run("augment", "status", "a set").stdout
    )
    assert "1 made now" in run("augment", "resume", "a set").stdout
    assert run("augment", "verify", "a set").exit_code == 0
    run(*words, "by-2", "--batch", 2)
    name = "shard-000001.tar"
    assert Path("a set", name).read_bytes() == Path("by-2", name).read_bytes()
    said = (("all 3 shards of a set are done", 64, "3"), ("--amend-batch", 2, "0"))
    for words_said, code, size in said:
        bad = run("augment", "plan", "--amend-batch", size, "-o", "a set")
        assert words_said in one_line(bad, code)
    bad = run("augment", "plan", "--amend-batch", 1, "-o", "a set", "-n", 3)
    assert "--amend-batch takes --outdir alone, got count too" in one_line(bad, 2)
    bad = run("augment", "run", "--amend-batch", 1, "-o", "a set")
    assert "No such option" in one_line(bad, 2)
    assert "holds no plan.json" in one_line(run("augment", "plan", "--amend-batch", 1), 64)
    Path("by-2", "shard-000001.tar").unlink()
    assert run("augment", "plan", "--amend-batch", 1, "-o", "by-2").exit_code == 0
    file = Path("by-2", "plan-0001.json")
    file.write_bytes(file.read_bytes()[:50])
    assert "plan-0001.json is torn" in one_line(run("augment", "verify", "by-2"), 65)


def test_a_probe_without_memory_names_the_batch_that_fits(
    run: Run, network: Path, sefa: Path, monkeypatch
) -> None:
    import torch

    from steerx.augmentation import Pictures

    render = Pictures.render

    def narrow(pictures, samples):  # type: ignore[no-untyped-def]
        if len(samples.ids) > 2:
            raise torch.OutOfMemoryError("no room")
        return render(pictures, samples)

    monkeypatch.setattr(Pictures, "render", narrow)
    line = one_line(run("augment", "plan", network, sefa, *SMALL, "--batch", 4), 1)
    assert "out of memory for 4 pictures at once; a batch of 2 fits" in line

"""bench.methods: the formulas it expects by, a run at tiny sizes, and the page in docs/."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import pytest
import torch

from bench import methods, methods_expected
from bench.methods_findings import findings
from bench.methods_page import page
from bench.methods_world import FACTORS, draw, gaussian_twin, readout, true_directions
from steerx import faces

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("methods")
    written = ["--page", str(folder / "methods.md"), "--results", str(folder)]
    methods.main(["--quick", *written])
    (numbers,) = folder.glob("methods-*.json")
    return numbers, folder / "methods.md"


def test_a_run_writes_numbers_and_the_page_that_follows_from_them(quick, tmp_path) -> None:
    numbers, written = quick
    text = written.read_text()
    assert text.count("\n## ") == 6 and "nan" not in text and "None" not in text
    methods.main(["--from", str(numbers), "--page", str(tmp_path / "again.md")])
    assert (tmp_path / "again.md").read_text() == text
    measured = json.loads(numbers.read_text())
    assert measured["names"] == list(FACTORS)
    assert {row["space"] for row in measured["agreement"]} == {"z", "w"}
    cosines = [c for row in measured["agreement"] for run in row["measured"]["ridge"] for c in run]
    assert min(cosines) > 0.5 and max(cosines) <= 1


def test_the_page_in_docs_is_that_of_its_numbers() -> None:
    text = (ROOT / "docs" / "methods.md").read_text()
    (name,) = set(re.findall(r"bench/results/methods-[\d-]+\.json", text))
    assert page(json.loads((ROOT / name).read_text())) == text


def test_a_finding_that_the_numbers_do_not_bear_out_is_not_printed() -> None:
    text = (ROOT / "docs" / "methods.md").read_text()
    (name,) = set(re.findall(r"bench/results/methods-[\d-]+\.json", text))
    numbers = json.loads((ROOT / name).read_text())
    perfect = copy.deepcopy(numbers)
    for row in perfect["agreement"]:
        for runs in row["measured"].values():
            runs[:] = [[1.0] * len(FACTORS) for _ in runs]
    assert findings(numbers).count("\n- ") > findings(perfect).count("\n- ")


@pytest.mark.parametrize("r2", [0.9, 0.3])
def test_least_squares_is_as_far_off_as_expected(r2) -> None:
    size, count, random = 24, 200, torch.Generator().manual_seed(0)
    found = []
    for _ in range(60):
        x = torch.randn(count, size, generator=random, dtype=torch.float64)
        unread = torch.randn(count, generator=random, dtype=torch.float64)
        y = x[:, 0] * r2**0.5 + (1 - r2) ** 0.5 * unread
        n = torch.linalg.lstsq(x - x.mean(0), (y - y.mean())[:, None]).solution[:, 0]
        found.append(float(n[0] / n.norm()))
    expected = methods_expected.least_squares(count, size, torch.tensor([r2])).item()
    assert sum(found) / len(found) == pytest.approx(expected, abs=0.006)


def test_class_means_are_as_far_off_as_expected() -> None:
    size, count, ratio, r2 = 24, 1_000, 0.05, 0.5
    spread = torch.logspace(0, 1, size, dtype=torch.float64)  # variances of the codes
    n = torch.zeros(size, dtype=torch.float64)
    n[0], n[size // 2] = 1.0, 0.5
    random, as_pattern, as_filter = torch.Generator().manual_seed(0), [], []
    for _ in range(80):
        x = torch.randn(count, size, generator=random, dtype=torch.float64) * spread.sqrt()
        read = x @ n / (n.square() * spread).sum().sqrt()
        unread = torch.randn(count, generator=random, dtype=torch.float64)
        order = (r2**0.5 * read + (1 - r2) ** 0.5 * unread).argsort()
        kept = int(int(count * ratio) * 0.7)
        pick = torch.randperm(int(count * ratio), generator=random)[:kept]
        low, high = order[: int(count * ratio)][pick], order[-int(count * ratio) :][pick]
        d = x[high].mean(0) - x[low].mean(0)
        as_pattern.append(
            float(d @ n / ((d.square() / spread).sum() * (n.square() * spread).sum()).sqrt())
        )
        as_filter.append(
            float(
                (d * spread * n).sum()
                / ((d.square() * spread).sum() * (n.square() * spread).sum()).sqrt()
            )
        )
    r2s, S = torch.tensor([r2], dtype=torch.float64), spread.diag()
    pattern = methods_expected.class_means(count, ratio, 0.7, size, r2s)
    filters = methods_expected.class_means_as_filter(count, ratio, 0.7, r2s, n[None], S)
    assert sum(as_pattern) / 80 == pytest.approx(float(pattern), abs=0.015)
    assert sum(as_filter) / 80 == pytest.approx(float(filters), abs=0.015)
    alike = methods_expected.class_means_as_filter(
        count, ratio, 0.7, r2s, n[None], torch.eye(size, dtype=torch.float64)
    )
    assert float(alike) == pytest.approx(
        float(methods_expected.class_means(count, ratio, 0.7, size + 1, r2s)), abs=1e-6
    )


def test_a_step_along_a_principal_axis_has_length_one() -> None:
    S = torch.tensor([[4.0, 0.0], [0.0, 0.01]], dtype=torch.float64)
    v = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.5**0.5, 0.5**0.5]], dtype=torch.float64)
    expected = [1.0, 1.0, (4.01 / 2 * (0.25 + 100) / 2) ** 0.5]
    assert methods_expected.step_length(v, S).tolist() == pytest.approx(expected)


def test_the_truth_in_z_is_the_one_that_faces_documents() -> None:
    G = faces_generator()
    reference = readout(draw(G, 20_000, 5), "z")
    known, found = faces.directions(), true_directions(reference)
    for k, name in enumerate(FACTORS):
        expected = known[name].double()
        if name == "eyeglasses":
            expected = 0.85 * expected + 0.45 * known["age"].double()
        assert float(found[k] @ expected / expected.norm()) > 0.999


def test_the_gaussian_twin_has_the_same_covariance_and_the_same_unread_part() -> None:
    reference = readout(draw(faces_generator(), 4_000, 6), "w")
    x, y = gaussian_twin(reference, 40_000, 0)
    scale = reference.covariance.diagonal().sqrt()
    error = torch.cov(x.double().T) - reference.covariance
    assert float((error / scale[:, None] / scale).abs().max()) < 0.05
    fitted = x.double() @ reference.coefficients.T
    r2 = 1 - (y - fitted).var(dim=0) / y.var(dim=0)
    assert torch.allclose(r2, reference.r2, atol=0.005)


def faces_generator():  # type: ignore[no-untyped-def]
    import steerx

    return steerx.load("faces")

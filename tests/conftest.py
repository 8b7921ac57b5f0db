"""Shared fixtures: the published numbers, seeded randomness, and the mark of GPU tests."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest
import torch

from steerx.generators import Generator, StyleGAN2
from tests.tiny import PlainConvGenerator, tiny_generator

REPOSITORY = Path(__file__).resolve().parents[1]
os.environ["HF_HUB_OFFLINE"] = (
    "1"  # read by datasets when it is imported: nothing is asked of the net
)
torch.set_num_threads(1)  # the tensors are small, and cores are shared


@pytest.fixture(scope="session")
def goldens() -> Path:
    """Folder of the numbers of the published implementations, kept beside the repository."""
    folder = REPOSITORY.parent / "shared" / "goldens"
    if not folder.is_dir():
        assert os.environ.get("FAIL_WITHOUT_GOLDENS") != "1", f"goldens were promised at {folder}"
        pytest.skip("the golden numbers (../shared/goldens) are not beside this checkout")
    return folder


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("cuda") and not torch.cuda.is_available():
        assert os.environ.get("FAIL_WITHOUT_CUDA") != "1", "a CUDA device was promised"
        pytest.skip("no CUDA device")
    if item.get_closest_marker("ray") and importlib.util.find_spec("ray") is None:
        assert os.environ.get("FAIL_WITHOUT_RAY") != "1", "Ray was promised"
        pytest.skip("Ray is not installed: pip install 'steerx[ray]'")
    if item.get_closest_marker("root") and not (
        sys.platform == "linux" and os.geteuid() == 0 and all(map(shutil.which, ("ip", "mount")))
    ):
        assert os.environ.get("FAIL_WITHOUT_ROOT") != "1", "root was promised"
        pytest.skip("not root on Linux with iproute2 and mount")


@pytest.fixture
def tiny() -> StyleGAN2:
    return tiny_generator()


@pytest.fixture
def conv_generator() -> Generator:
    return PlainConvGenerator().requires_grad_(False).eval()

"""Memory in large pages is memory like any other."""

from __future__ import annotations

import mmap

import pytest
import torch

from steerx.rendering import pages


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every tensor of a page and more counts as large."""
    monkeypatch.setattr(pages, "_LEAST", 4096)


@pytest.mark.parametrize("shape", [(), (0, 3), (5,), (3, 1000), (2, 3, 4099)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.uint8])
def test_it_has_shape_and_type_and_keeps_what_is_written(
    shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    found, other = (pages.large(shape, dtype) for _ in range(2))
    assert found.shape == shape and found.dtype == dtype and found.is_contiguous()
    found.fill_(3)
    other.fill_(4)
    assert (found == 3).all() and (other == 4).all()
    view = found.reshape(-1)[-1:]
    del found
    assert (view == 3).all()  # the memory lives as long as any view of it


def test_systems_without_large_pages_and_without_memory_are_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("not here")

    monkeypatch.setattr(mmap, "mmap", refuse)
    assert pages.large((5000,), torch.float32).shape == (5000,)
    monkeypatch.delattr(mmap, "MADV_HUGEPAGE", raising=False)
    assert pages.large((5000,), torch.float32).shape == (5000,)

"""load: a file or a name to a Generator. No code in a file runs."""

from __future__ import annotations

import importlib.resources
from pathlib import Path
from typing import Literal

import torch

from .. import checkpoints
from .generator import Generator
from .pggan import PGGAN
from .renderers import install
from .stylegan import StyleGAN
from .stylegan2 import StyleGAN2
from .stylegan3 import StyleGAN3

BUILT_IN = ("faces",)
_DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


def resolve(path_or_name: str | Path) -> Path:
    """Path of a checkpoint file: a built-in name, or a path as it is."""
    name = str(path_or_name)
    if name in BUILT_IN:
        return Path(str(importlib.resources.files("steerx") / name / f"{name}.safetensors"))
    return Path(path_or_name)


def load(
    path_or_name: str | Path,
    *,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    renderer: Literal["auto", "plain", "fused", "native"] = "auto",
    allow_nonfinite: bool = False,
) -> Generator:
    """Load a generator. Nothing in the file is imported or run.

    Args:
        path_or_name: "faces" (the embedded drawn world), or a file: NVlabs stylegan2-ada-pytorch and
            stylegan3 `.pkl`, the TensorFlow `.pkl` of StyleGAN and PGGAN, rosinality `.pt`, genforce `.pth`
            (of StyleGAN2, StyleGAN and PGGAN), our own `.safetensors`.
        device: where the network goes.
        dtype: of activations. float64 converts parameters too; with bfloat16 and float16, styles and
            demodulation stay in float32.
        renderer: "auto" is the plain one, which serves every device, dtype and gradient; commands choose the
            fastest (`steerx.generators.renderers.fastest`). `G.renderer` tells. "fused" is the one for
            CUDA: the library's convolutions with one pass of ours behind each. It is proven on the CPU
            and has not run on a GPU yet, so nothing chooses it unasked. "native" is the CPU's: kernels of
            ours where they are faster than the library's, without gradients.
        allow_nonfinite: accept NaN or infinite weights, with a warning.

    Returns:
        The generator, in evaluation mode, without gradients on its parameters.

    Raises:
        CheckpointError: the file is refused; says why and where.
        FileNotFoundError: there is no such file.
        ValueError: an unknown dtype or renderer, or one that does not run this family.

    Example:
        >>> G = steerx.load("faces")
        >>> G.codes(seeds="0-3", psi=0.7).shape
        torch.Size([4, 10, 64])
    """
    if dtype not in _DTYPES:
        raise ValueError(f"load: dtype must be one of {', '.join(map(str, _DTYPES))}, got {dtype}")
    if renderer not in ("auto", "plain", "fused", "native"):
        raise ValueError(
            f'load: renderer must be "auto", "plain", "fused" or "native", got {renderer!r}'
        )
    path = resolve(path_or_name)
    if not path.exists():
        raise FileNotFoundError(
            f"load: no file {str(path_or_name)!r}; check the path, or use a built-in name: "
            f"{', '.join(BUILT_IN)}"
        )
    checkpoint = checkpoints.read(path, allow_nonfinite=allow_nonfinite, digest=False)
    generator = build(checkpoint, device=device, dtype=dtype)
    if renderer != "auto":
        try:
            install(generator, renderer)
        except ValueError as error:
            raise ValueError(f"load: renderer={error}") from None
    return generator


def build(
    checkpoint: checkpoints.Checkpoint,
    *,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Generator:
    """A generator of a checkpoint's config and tensors (shared, not copied, where they can be)."""
    with torch.device("meta"):
        generator = _network(checkpoint.config, _activations(dtype))
    generator.load_state_dict(checkpoint.tensors, strict=True, assign=True)
    parameters = torch.float64 if dtype == torch.float64 else torch.float32
    generator = generator.to(device=device, dtype=parameters).requires_grad_(False).eval()
    generator.model_id = checkpoint.model_id
    return generator


def _network(config: checkpoints.Config, dtype: torch.dtype | None) -> Generator:
    """The network of a config's family, with fresh parameters."""
    if isinstance(config, checkpoints.PGGANConfig):
        return PGGAN(config, dtype=dtype)
    if isinstance(config, checkpoints.StyleGANConfig):
        return StyleGAN(config, dtype=dtype)
    if isinstance(config, checkpoints.StyleGAN3Config):
        return StyleGAN3(config, dtype=dtype)
    return StyleGAN2(config, dtype=dtype)


def _activations(dtype: torch.dtype) -> torch.dtype | None:
    """Half precision is the renderer's; else the parameters, as they are now, decide."""
    return dtype if dtype.itemsize < 4 else None

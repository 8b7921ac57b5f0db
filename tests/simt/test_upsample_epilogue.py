from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv_transpose2d

from steerx.ops import REGISTRY
from tests.ops.tolerance import as_good_as_torch
from tests.simt.arrays import array, name, unwritten
from tests.simt.tails import BLUR, every_part, tail

pytestmark = pytest.mark.simt
DTYPES = [torch.float32, torch.float16, torch.bfloat16]


def run(simt: ModuleType, x: Tensor, parts: dict[str, Any]) -> dict[str, Tensor]:
    shape = (x.shape[0], x.shape[1] - 1, x.shape[2] - 1, x.shape[3])
    out = {"y": unwritten(shape, x.dtype)}
    if "next_style" in parts:
        out["styled"] = unwritten(shape, x.dtype)
    given = {k: array(v) if isinstance(v, Tensor) else v for k, v in (parts | out).items()}
    simt.upsample_epilogue(name(x.dtype), array(x), given | {"taps": (BLUR * 2).tolist()})
    return out


def blurred(x: Tensor, dtype: torch.dtype) -> Tensor:
    """What stands between the transposed convolution and the tail [N, 2h, 2w, O]."""
    blur = REGISTRY["upfirdn2d"].reference
    filter = torch.outer(BLUR, BLUR).to(torch.promote_types(dtype, torch.float32))
    y = blur(x.to(dtype).permute(0, 3, 1, 2), filter.to(dtype), 1, 1, [1, 1, 1, 1], 4.0)
    return y.permute(0, 2, 3, 1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape", [(2, 3, 5, 32), (1, 9, 1, 24), (2, 5, 4, 7), (1, 1, 20, 8), (3, 1, 1, 1)]
)
def test_the_kernel_is_as_good_as_torch(
    ordered: ModuleType, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    n, h, w, o = shape
    x = torch.randn(n, 2 * h + 1, 2 * w + 1, o).to(dtype)
    parts = every_part(n, 2 * h, 2 * w, o, rgb=False)
    ours = run(ordered, x, parts)
    plain = tail(blurred(x, dtype), parts, dtype=dtype)
    truth = tail(blurred(x, torch.float64), parts, dtype=torch.float64)
    for key, value in ours.items():
        as_good_as_torch(value, plain[key], truth[key])


def test_with_the_transposed_convolution_it_is_the_style_layer(simt: ModuleType) -> None:
    n, i, o, h, w = 2, 5, 8, 6, 4
    x, style = torch.randn(n, i, h, w), torch.randn(n, i)
    weight, bias, noise = torch.randn(o, i, 3, 3), torch.randn(o), torch.randn(2 * h, 2 * w)
    strength, filter = torch.tensor(0.3), torch.outer(BLUR, BLUR)
    expected = REGISTRY["style_layer"].reference(
        x, style, weight, bias, noise, strength, None, 0, filter, 2, True, 0.2, 2**0.5, 256.0
    )
    wide = conv_transpose2d(x * style[:, :, None, None], weight.transpose(0, 1), stride=2)
    power = weight.square().sum((2, 3))
    parts = {
        "demodulation": (style.square() @ power.t() + 1e-8).rsqrt(),
        "bias": bias,
        "noise": noise,
        "noise_strength": strength.view(1),
        "slope": 0.2,
        "gain": 2**0.5,
        "clamp": 256.0,
    }
    ours = run(simt, wide.permute(0, 2, 3, 1).contiguous(), parts)["y"].permute(0, 3, 1, 2)
    torch.testing.assert_close(ours, expected, rtol=2e-5, atol=2e-5)


def test_the_picture_is_refused(simt: ModuleType) -> None:
    parts = every_part(1, 2, 2, 8, rgb=True)
    given = {k: array(v) if isinstance(v, Tensor) else v for k, v in parts.items()}
    given |= {"skip_taps": [0.0] * 4, "rgb": array(unwritten((1, 2, 2, 3), torch.float32))}
    with pytest.raises(RuntimeError):
        simt.upsample_epilogue("float32", array(torch.randn(1, 3, 3, 8)), given)

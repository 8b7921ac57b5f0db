"""Pictures as files: by each library that is here, the same pixels, and a job stays with the one it began with."""

from __future__ import annotations

import io
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import pytest
from PIL import Image

from steerx.augmentation import encoding
from steerx.augmentation.encoding import Format, check_encoder, codec_of, encode, encoders_of
from steerx.augmentation.errors import PlanError

FASTER: dict[Format, str] = {"jpeg": "simplejpeg", "png": "opencv"}


def picture() -> np.ndarray:
    y, x = np.mgrid[:37, :53]
    return np.stack([4 * y, 3 * x, 2 * (x + y)], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("format", ["jpeg", "png", "webp"])
def test_every_library_that_is_here_keeps_the_picture(format: Format) -> None:
    here = encoders_of(format)
    faster = [FASTER[format]] if format in FASTER else []
    assert [name.split()[0] for name in here] == [*faster, "pillow"]
    for encoder in here:
        codec = codec_of(format, None, "444").model_copy(update={"encoder": encoder})
        data = encode(picture(), codec)
        assert data == encode(np.asfortranarray(picture()), codec)
        with Image.open(io.BytesIO(data)) as opened:
            assert opened.format == format.upper()
            off = np.asarray(opened.convert("RGB")).astype(int) - picture()
        assert np.abs(off).max() <= (8 if format == "jpeg" else 0)
        check_encoder(codec)


def test_a_job_stays_with_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    codec = codec_of("png", None, "444")
    assert codec.encoder.startswith("opencv ")

    def without(package: str) -> str:
        if package.startswith("opencv"):
            raise PackageNotFoundError(package)
        return version(package)

    monkeypatch.setattr(encoding, "version", without)
    assert codec_of("png", None, "444").encoder == f"pillow {version('pillow')}"
    with pytest.raises(
        PlanError, match=r"png is encoded by opencv .*, here are pillow .*; install"
    ):
        check_encoder(codec)

"""Pictures to bytes: the codecs of a bulk job, and who encodes them here."""

from __future__ import annotations

import contextlib
import io
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

import numpy as np

from .._pictures import Pixels
from .errors import PlanError
from .plan import Codec

Format = Literal["jpeg", "png", "webp"]
SUFFIX = {"jpeg": "jpg", "png": "png", "webp": "webp"}
# Packages beside Pillow that encode a format faster; OpenCV has two names.
_FASTER = {"jpeg": ("simplejpeg",), "png": ("opencv-python-headless", "opencv-python")}
QUALITY = 95  # of pictures that something is trained on


def codec_of(format: Format, quality: int | None, subsampling: Literal["444", "420"]) -> Codec:
    """The codec that was asked for, with what encodes it here.

    Args:
        format: "jpeg"; "png"; "webp", which is lossless without a quality.
        quality: 1-100; None = 95 for JPEG.
        subsampling: of JPEG.

    Raises:
        ValueError: a quality for PNG.
    """
    if format == "png" and quality is not None:
        raise ValueError("quality: PNG is lossless and has none; leave it out, or take jpeg")
    if format == "jpeg":
        return Codec(
            format=format,
            quality=QUALITY if quality is None else quality,
            subsampling=subsampling,
            encoder=encoders_of(format)[0],
        )
    return Codec(format=format, quality=quality, encoder=encoders_of(format)[0])


def encoders_of(format: Format) -> list[str]:
    """Names and versions of the libraries that encode a format here, the fastest first."""
    found = []
    for package in _FASTER.get(format, ()):
        with contextlib.suppress(PackageNotFoundError):
            found.append(f"{package.partition('-')[0]} {version(package)}")
    return [*found, f"pillow {version('pillow')}"]


def check_encoder(codec: Codec) -> None:
    """Refuse to go on with a job whose pictures were encoded by what is not here.

    Raises:
        PlanError: which, and what there is.
    """
    here = encoders_of(codec.format)
    if codec.encoder not in here:
        raise PlanError(
            f"the plan's {codec.format} is encoded by {codec.encoder}, here are {', '.join(here)}; install "
            "that version, or give an empty folder"
        )


def encode(pixels: Pixels, codec: Codec) -> bytes:
    """One picture [H, W, 3] as a file."""
    if codec.encoder.startswith("simplejpeg"):
        import simplejpeg

        data: bytes = simplejpeg.encode_jpeg(
            np.ascontiguousarray(pixels),
            quality=codec.quality,
            colorspace="RGB",
            colorsubsampling=codec.subsampling,
            fastdct=False,
        )
        return data
    if codec.encoder.startswith("opencv"):
        import cv2

        # Blue is the first channel to it.
        done, coded = cv2.imencode(
            ".png", np.ascontiguousarray(pixels[..., ::-1]), [cv2.IMWRITE_PNG_COMPRESSION, 1]
        )
        assert done
        return bytes(coded)
    from PIL import Image

    buffer, picture = io.BytesIO(), Image.fromarray(np.ascontiguousarray(pixels))
    if codec.format == "jpeg":
        sampling = 0 if codec.subsampling == "444" else 2
        picture.save(buffer, "JPEG", quality=codec.quality, subsampling=sampling)
    elif codec.format == "png":
        picture.save(buffer, "PNG", compress_level=1)
    elif codec.quality is None:
        picture.save(buffer, "WEBP", lossless=True, quality=0, method=0)
    else:
        picture.save(buffer, "WEBP", quality=codec.quality, method=4)
    return buffer.getvalue()

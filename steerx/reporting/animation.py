"""Looping animations written frame by frame: no more than one picture is in memory."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from PIL import Image

Frame = Callable[[int], "Image.Image"]
SUFFIXES = (".webp", ".gif", ".mp4")
_INSTALL = 'pip install "steerx[video]"'


def animate(handle: BinaryIO, suffix: str, frame: Frame, *, count: int, fps: float) -> None:
    """Write an animation that loops for ever (a film plays once: MP4 cannot say it).

    Args:
        handle: binary file, open for writing.
        suffix: ".webp", ".gif" or ".mp4".
        frame: makes picture i of 0 ... count-1, asked for in order; all of one size.
        count: how many frames.
        fps: frames per second.

    Raises:
        ValueError: another suffix.
        ModuleNotFoundError: ".mp4" without the extra.
    """
    if suffix not in SUFFIXES:
        raise ValueError(f"an animation ends in {', '.join(SUFFIXES)}, got {suffix!r}")
    if suffix == ".mp4":
        _film(handle, frame, count, fps)
    elif suffix == ".gif":
        _gif(handle, frame, count, fps)
    else:
        _webp(handle, frame, count, fps)


def check_video() -> None:
    """Refuse a film where the library that encodes it is not installed.

    Raises:
        ModuleNotFoundError: it is not; the message says how to install it.
    """
    try:
        import av  # noqa: F401
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"an .mp4 needs PyAV, which is not installed; {_INSTALL}, or write a .webp"
        ) from error


def _webp(handle: BinaryIO, frame: Frame, count: int, fps: float) -> None:
    lazy = _lazy(frame, count)
    lazy.save(
        handle, "WEBP", save_all=True, duration=round(1000 / fps), loop=0, quality=85, method=2
    )


def _lazy(frame: Frame, count: int) -> Any:
    """A picture of many frames, each made when the encoder turns to it."""
    from PIL import Image

    class Frames(Image.Image):
        n_frames, is_animated = count, count > 1

        def __init__(self) -> None:
            super().__init__()
            self.place, self.made = 0, -1
            self.load()

        def seek(self, place: int) -> None:
            if place >= count:
                raise EOFError
            self.place = place  # the encoder turns back at the end without looking

        def load(self) -> Any:
            if self.made != self.place:
                picture = frame(self.place).convert("RGB")
                self._mode, self._size, self.im = "RGB", picture.size, picture.im
                self.made = self.place
            return super().load()

        def tell(self) -> int:
            return self.place

    return Frames()


def _gif(handle: BinaryIO, frame: Frame, count: int, fps: float) -> None:
    """GIF89a, a table of colours per frame; blocks as in the specification of 1990."""
    for place in range(count):
        one = _gif_frame(frame(place))
        if place == 0:
            handle.write(b"GIF89a" + one.size + b"\x00\x00\x00")
            handle.write(b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00")
        # Hundredths of a second, so that rounding does not add up.
        ticks = round(100 * (place + 1) / fps) - round(100 * place / fps)
        handle.write(b"!\xf9\x04\x04" + max(ticks, 2).to_bytes(2, "little") + b"\x00\x00")
        handle.write(b"," + bytes(4) + one.size + one.flags + one.palette + one.data)
    handle.write(b";")


class _Blocks:
    """Parts of a GIF of one picture: its size, table of colours, and compressed pixels."""

    def __init__(self, size: bytes, flags: bytes, palette: bytes, data: bytes) -> None:
        self.size, self.flags, self.palette, self.data = size, flags, palette, data


def _gif_frame(picture: Image.Image) -> _Blocks:
    from PIL import Image

    buffer = io.BytesIO()
    table = Image.Quantize.MEDIANCUT
    flat = picture.convert("RGB").quantize(256, method=table, dither=Image.Dither.NONE)
    flat.save(buffer, "GIF", optimize=False, interlace=False)
    data = buffer.getvalue()
    bits = data[10] & 7
    at = 13 + 3 * 2 ** (bits + 1) if data[10] & 0x80 else 13
    palette = data[13:at]
    while data[at] == 0x21:  # an extension: a label, then blocks up to an empty one
        at += 2
        while data[at]:
            at += 1 + data[at]
        at += 1
    flags = data[at + 9]
    start = at + 10
    if flags & 0x80:
        bits = flags & 7
        palette = data[start : start + 3 * 2 ** (bits + 1)]
        start += len(palette)
    return _Blocks(data[6:10], bytes([0x80 | bits]), palette, data[start:-1])


def _film(handle: BinaryIO, frame: Frame, count: int, fps: float) -> None:
    """H.264 in MP4 by PyAV; sides are made even, as the format needs."""
    from fractions import Fraction

    check_video()
    import av

    first = _even(frame(0))
    with av.open(handle, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
        stream.width, stream.height = first.size
        stream.pix_fmt = "yuv420p"
        for place in range(count):
            picture = first if place == 0 else _even(frame(place))
            for packet in stream.encode(av.VideoFrame.from_image(picture)):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def _even(picture: Image.Image) -> Image.Image:
    from PIL import Image

    width, height = (side + side % 2 for side in picture.size)
    if picture.size == (width, height):
        return picture.convert("RGB")
    sheet = Image.new("RGB", (width, height), "white")
    sheet.paste(picture, (0, 0))
    return sheet

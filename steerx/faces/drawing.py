"""A drawn face for every z: a cartoon world with a known truth, and not a model of people.

The picture is painted back to front from soft shapes. Eleven named factors (see `truth`) and 53
nuisance coordinates of falling amplitude decide everything; all maps from a coordinate to the
picture are smooth, because a small network has to learn them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from steerx.faces.shapes import Window, canvas
from steerx.faces.truth import FACTORS, coordinates, named_values

# Nuisance by falling amplitude; the coordinates after these are waves of the background.
_NUISANCE: Final = (
    "hair_light",
    "hair_red",
    "shirt_hue",
    "shirt_light",
    "background_slope",
    "iris",
    "eye_size",
    "eye_distance",
    "brow_height",
    "brow_tilt",
    "nose_size",
    "head_height",
    "hairline",
    "lip_tint",
    "hair_volume",
    "mouth_width",
    "mouth_height",
    "blush",
    "ear_size",
    "head_y",
    "head_x",
    "neck_width",
    "chin",
    "brow_width",
    "parting",
)
# Waves over the picture (along x, along y), the slow ones first.
_TEXTURE_MODES: Final = tuple(
    sorted(
        ((i, j) for i in range(7) for j in range(7) if i + j > 0),
        key=lambda m: m[0] ** 2 + m[1] ** 2,
    )
)


def draw(z: Tensor, *, resolution: int = 64) -> Tensor:
    """Draw the face of each z.

    Args:
        z: input latents [N, Z].
        resolution: side of the picture in pixels; any positive number.

    Returns:
        Images [N, 3, resolution, resolution] in [-1, 1], float, on z's device.

    Raises:
        ValueError: if z is not [N, Z] or the resolution is not positive.
    """
    if resolution < 1:
        raise ValueError(f"faces.draw: resolution must be positive, got {resolution}")
    with torch.no_grad():
        return _paint(_Traits(coordinates(z)), canvas(len(z), resolution, like=z))


class _Traits:
    """Columns of the coordinates under their names, each [N, 1, 1]."""

    def __init__(self, place: Tensor) -> None:
        self.place = place
        self._values = named_values(place)

    def __getitem__(self, name: str) -> Tensor:
        """Factor value, softly bounded: even rare z give a face."""
        value = self._values[:, FACTORS.index(name), None, None]
        return 3 * torch.tanh(value / 3)

    def ramp(self, name: str, slope: float, middle: float = 0.0) -> Tensor:
        """Factor value as an opacity in 0..1, one half at `middle`."""
        return torch.sigmoid(slope * (self._values[:, FACTORS.index(name), None, None] - middle))

    def jitter(self, name: str) -> Tensor:
        """A nuisance coordinate by its name in `_NUISANCE`."""
        return self._jitter(_NUISANCE.index(name))

    def texture(self) -> Tensor:
        """The remaining nuisance coordinates [N, T]: amplitudes of the background's waves."""
        first = len(_NUISANCE)
        count = self.place.shape[1] - len(FACTORS) - first
        return torch.cat([self._jitter(first + i) for i in range(count)], dim=1)[:, :, 0]

    def _jitter(self, index: int) -> Tensor:
        # Softly bounded; the amplitude falls with the index.
        column = self.place[:, len(FACTORS) + index, None, None]
        return 2.5 * torch.tanh(column / 2.5) / (1 + index / 16)


@dataclass(frozen=True)
class _Head:
    x: Tensor  # centre of the head, [N, 1, 1]
    y: Tensor
    width: Tensor  # half axes
    height: Tensor
    turn: Tensor  # how far the features move sideways


def _paint(traits: _Traits, window: Window) -> Tensor:
    turn = traits["pose"]
    head = _Head(
        x=0.05 * turn + 0.012 * traits.jitter("head_x"),
        y=0.04 + 0.012 * traits.jitter("head_y"),
        width=0.50 + 0.065 * traits["face_width"],
        height=0.60 + 0.014 * traits.jitter("head_height"),
        turn=0.105 * turn,
    )
    skin = _ramp3(
        traits.ramp("skin_tone", 1.3), (1.0, 0.87, 0.76), (0.92, 0.69, 0.52), (0.50, 0.33, 0.24)
    )
    hair = _hair_colour(traits)
    _paint_background(traits, window)
    _paint_body(traits, window, head, skin)
    _paint_hair_behind(traits, window, head, hair)
    _paint_head(traits, window, head, skin)
    _paint_beard(traits, window.crop(-0.95, -0.1, 0.95, 0.85), head, hair)
    _paint_wrinkles(traits, window, head, skin)
    _paint_eyes(traits, window.crop(-0.8, -0.5, 0.8, 0.25), head, hair)
    _paint_nose(traits, window.crop(-0.6, -0.1, 0.6, 0.35), head, skin)
    _paint_mouth(traits, window.crop(-0.85, 0.1, 0.85, 0.75), head)
    _paint_fringe(traits, window.crop(-1, -1, 1, 0.3), head, hair)
    _paint_eyeglasses(traits, window.crop(-1, -0.5, 1, 0.3), head)
    shade = 0.96 + 0.22 * traits["light"] * window.x
    window.pixels.mul_(shade[:, None])
    return window.pixels.clamp_(0, 1).mul_(2).sub_(1)


def _paint_background(traits: _Traits, window: Window) -> None:
    colour = _ramp3(
        traits.ramp("background", 1.3), (0.95, 0.56, 0.42), (0.93, 0.84, 0.62), (0.34, 0.62, 0.84)
    )
    height = window.y[:, None]
    window.pixels.copy_(
        colour[:, :, None, None]
        * (1 - 0.08 * height - 0.03 * traits.jitter("background_slope")[:, None] * height)
    )
    x, y = (window.x + 1) * (math.pi / 2), (window.y + 1) * (math.pi / 2)
    heights = traits.texture()
    modes = _TEXTURE_MODES[: heights.shape[1]]
    waves = torch.cat([torch.cos(i * x) * torch.cos(j * y) for i, j in modes])
    texture = torch.einsum("nk,khw->nhw", heights * 0.035, waves)
    window.pixels.add_(texture[:, None] * texture.new_tensor([1.0, 0.8, 0.6])[:, None, None])


def _paint_body(traits: _Traits, window: Window, head: _Head, skin: Tensor) -> None:
    low = window.crop(-1, 0.4, 1, 1)
    hue, light = traits.jitter("shirt_hue"), traits.jitter("shirt_light")
    wheel = torch.cat([torch.cos(0.9 * hue + phase) for phase in (2.6, 4.4, 6.2)], dim=1)
    shirt = (0.55 + 0.06 * light + 0.24 * wheel)[:, :, 0].clamp(0, 1)
    x = low.x - 0.5 * head.x
    low.paint(shirt, low.ellipse(x, low.y - 1.12, 0.86 + 0.02 * light, 0.40))
    low.paint(
        skin * 0.80, low.ellipse(x, low.y - 0.66, 0.21 + 0.01 * traits.jitter("neck_width"), 0.24)
    )


def _paint_hair_behind(traits: _Traits, window: Window, head: _Head, hair: Tensor) -> None:
    x, y = window.x - 0.8 * head.x, window.y - head.y
    volume = 0.10 + 0.012 * traits.jitter("hair_volume")
    cap = window.ellipse(x, y + 0.10, head.width + volume, head.height + 0.03)
    end = 0.44 + 0.27 * traits["hair_length"]
    # A curtain on both sides of the face: its lower end is the length.
    half = head.width + volume + 0.03 * (window.y - 0.2)
    across = (x.abs() - half + 0.02).expand(-1, window.y.shape[1], -1)
    down = (y - end) + 0.9 * (x.abs() - 0.5).square()
    curtain = window.cover(torch.maximum(torch.maximum(across, down), -y - 0.1))
    inner = window.cover(x.abs() - 0.24)
    curtain = curtain * (1 - inner)
    window.paint(hair * 0.82, torch.maximum(cap, curtain))


def _paint_head(traits: _Traits, window: Window, head: _Head, skin: Tensor) -> None:
    x, y = window.x - head.x, window.y - head.y
    ear = 0.11 + 0.006 * traits.jitter("ear_size")
    for side in (-1, 1):
        part = window.crop(-1, -0.2, 1, 0.35)
        centre = side * (head.width - 0.01) - 0.15 * head.turn
        part.paint(
            skin * 0.92, part.ellipse(x - centre, part.y - 0.06 - head.y, ear * 0.85, ear * 1.15)
        )
    narrow = 1 - (0.13 + 0.02 * traits.jitter("chin")) * torch.sigmoid(5 * (y - 0.15))
    blush = 0.30 + 0.06 * traits.jitter("blush")
    distance = ((x - head.turn).abs() - 0.31).square() + (window.y - 0.26).square()
    rose = (skin * skin.new_tensor([1.0, 0.66, 0.62]))[:, :, None, None]
    glow = torch.exp(distance * -60).mul_(blush)
    face = torch.lerp(skin[:, :, None, None], rose, glow[:, None])
    window.paint(face, window.ellipse(x / narrow, y, head.width, head.height))


def _paint_beard(traits: _Traits, window: Window, head: _Head, hair: Tensor) -> None:
    x, y = window.x - head.x, window.y - head.y
    narrow = 1 - (0.13 + 0.02 * traits.jitter("chin")) * torch.sigmoid(5 * (y - 0.15))
    jaw = window.ellipse(x / narrow, y, head.width + 0.015, head.height + 0.03)
    # The upper edge runs from the ears down to the cheeks and up to a moustache.
    inside = (window.x - head.x - 0.7 * head.turn) / head.width
    edge = 0.20 - 0.10 * inside.square() - 0.10 * torch.cos(inside * 6.5)
    upper = torch.sigmoid((y - edge) * 24)
    window.paint(hair * 0.42, jaw * upper * (0.95 * traits.ramp("beard", 1.35, 0.35)))


def _paint_wrinkles(traits: _Traits, window: Window, head: _Head, skin: Tensor) -> None:
    ink, opacity = skin * 0.62, 0.85 * traits.ramp("age", 1.2, 0.3)
    brow = window.crop(-0.6, -0.5, 0.6, -0.2)
    x = brow.x - head.x - head.turn
    for height, length in ((-0.36, 0.20), (-0.28, 0.24)):
        line = brow.stroke(x, brow.y - head.y - height - 0.25 * x.square(), length, 0.016)
        brow.paint(ink, line * opacity)
    cheeks = window.crop(-0.8, -0.05, 0.8, 0.55)
    x = cheeks.x - head.x - head.turn
    for side in (-1, 1):
        v = side * x - 0.20 - 0.32 * (cheeks.y - 0.14) - 0.10 * (cheeks.y - 0.3).square()
        fold = cheeks.stroke(cheeks.y - 0.27, v, 0.12, 0.020)
        cheeks.paint(ink, fold * opacity)
        bag = cheeks.stroke(
            x - side * 0.24, cheeks.y - 0.115 + 1.2 * (x - side * 0.24).square(), 0.11, 0.014
        )
        cheeks.paint(ink, bag * opacity)


def _paint_eyes(traits: _Traits, window: Window, head: _Head, hair: Tensor) -> None:
    centre = head.x + head.turn
    apart = 0.235 + 0.012 * traits.jitter("eye_distance")
    size = 0.105 + 0.006 * traits.jitter("eye_size")
    tint = traits.jitter("iris")
    iris = torch.cat([0.30 + 0.10 * tint, 0.40 - 0.02 * tint, 0.50 - 0.14 * tint], dim=1)[:, :, 0]
    white, dark = iris.new_tensor([[0.98, 0.98, 0.97]]), iris.new_tensor([[0.08, 0.07, 0.10]])
    for side in (-1, 1):
        x, y = window.x - centre - side * apart, window.y + 0.05
        window.paint(white, window.ellipse(x, y, size * 1.12, size * 0.94))
        look = x - 0.10 * head.turn
        window.paint(iris.clamp(0, 1), window.ellipse(look, y, size * 0.76, size * 0.78))
        window.paint(dark, window.ellipse(look, y, size * 0.46, size * 0.48))
        window.paint(white, window.ellipse(look + 0.03, y + 0.035, 0.026, 0.026))
        tilt = side * (0.05 * traits.jitter("brow_tilt") + 0.03) * x
        bow = window.y + 0.245 + 0.010 * traits.jitter("brow_height") - 1.6 * x.square() - tilt
        brow = window.stroke(x, bow, 0.115, 0.026 + 0.003 * traits.jitter("brow_width"))
        window.paint(hair * 0.75, brow)


def _paint_nose(traits: _Traits, window: Window, head: _Head, skin: Tensor) -> None:
    x, y = window.x - head.x - 1.35 * head.turn, window.y - 0.15
    size = 0.085 + 0.006 * traits.jitter("nose_size")
    window.paint(skin * 0.80, window.ellipse(x, y - 0.012, size, size * 0.78))
    window.paint((skin * 1.06).clamp(max=1), window.ellipse(x, y + 0.012, size * 0.88, size * 0.66))


def _paint_mouth(traits: _Traits, window: Window, head: _Head) -> None:
    width = 0.285 + 0.010 * traits.jitter("mouth_width")
    x = (window.x - head.x - head.turn) / width
    middle = 0.405 + 0.008 * traits.jitter("mouth_height")
    bend = 0.095 + 0.090 * traits["smile"]
    v = window.y - middle - bend * (0.45 - x.square())
    opening = 0.018 + 0.155 * traits.ramp("mouth_open", 1.25)
    lip_tint = traits.jitter("lip_tint")[:, :, 0]
    lips = torch.cat(
        [0.76 + 0.03 * lip_tint, 0.33 - 0.02 * lip_tint, 0.33 - 0.01 * lip_tint], dim=1
    )
    inside, teeth, tongue = lips.new_tensor(
        [[[0.28, 0.05, 0.08]], [[0.99, 0.98, 0.96]], [[0.90, 0.42, 0.42]]]
    )
    part = window.ellipse(x * width, v, width + 0.024, opening + 0.028)
    window.paint(lips, part)
    hole = window.ellipse(x * width, v, width - 0.01, opening)
    window.paint(inside, hole)
    window.paint(tongue, hole * torch.sigmoid((v - 0.45 * opening) * 40))
    window.paint(teeth, hole * torch.sigmoid((-v - 0.30 * opening) * 50))


def _paint_fringe(traits: _Traits, window: Window, head: _Head, hair: Tensor) -> None:
    x, y = window.x - head.x, window.y - head.y
    cap = window.ellipse(x, y + 0.05, head.width + 0.055, head.height + 0.05)
    across = (x - 0.5 * head.turn) / head.width
    line = (
        -0.40
        + 0.02 * traits.jitter("hairline")
        + 0.34 * across.square().square()
        + 0.10 * traits.jitter("parting") * across
    )
    shine = 1 + 0.10 * torch.exp(-30 * (y + 0.48 - 0.2 * x).square())
    front = cap * window.cover(y - line)
    window.paint(hair[:, :, None, None] * shine[:, None], front)


def _paint_eyeglasses(traits: _Traits, window: Window, head: _Head) -> None:
    opacity = traits.ramp("eyeglasses", 6.0)
    centre = head.x + head.turn
    apart, radius = 0.245 + 0.012 * traits.jitter("eye_distance"), 0.185
    frame = centre.new_tensor([[0.10, 0.10, 0.16]])
    lens = centre.new_tensor([[0.80, 0.92, 1.0]])
    shape = torch.zeros_like(window.x + window.y + centre)
    for side in (-1, 1):
        x, y = window.x - centre - side * apart, window.y + 0.05
        window.paint(lens, window.ellipse(x, y, radius, radius) * (0.30 * opacity))
        shape = torch.maximum(shape, window.ring(x, y, radius, 0.036))
    x, y = window.x - centre, window.y + 0.07
    shape = torch.maximum(shape, window.stroke(x, y, apart - radius, 0.026))
    span = (head.width - apart - radius) / 2
    for side in (-1, 1):
        middle = head.x + side * (head.width + apart + radius) / 2 + head.turn / 2
        temple = window.stroke(window.x - middle, y, span, 0.026)
        shape = torch.maximum(shape, temple * window.cover((window.x - head.x).abs() - head.width))
    window.paint(frame, shape * opacity)


def _hair_colour(traits: _Traits) -> Tensor:
    light = torch.sigmoid(1.4 * traits.jitter("hair_light") - 0.5)[:, :, 0]
    red = traits.jitter("hair_red")[:, :, 0]
    dark, fair = light.new_tensor([0.17, 0.10, 0.08]), light.new_tensor([0.85, 0.58, 0.24])
    colour = dark + (fair - dark) * light
    colour = (colour + red * light.new_tensor([0.05, -0.02, -0.02])).clamp(0.03, 1)
    grey = light.new_tensor([0.84, 0.84, 0.88])
    return torch.lerp(colour, grey.expand_as(colour), traits.ramp("age", 1.7, 0.9)[:, :, 0] * 0.92)


def _ramp3(
    weight: Tensor,
    first: tuple[float, float, float],
    middle: tuple[float, float, float],
    last: tuple[float, float, float],
) -> Tensor:
    """Quadratic blend of three colours by weight [N, 1, 1] in 0..1; [N, 3]."""
    t = weight[:, :, 0]
    a, b, c = (t.new_tensor(colour) for colour in (first, middle, last))
    b = 2 * b - (a + c) / 2  # the curve passes through the middle colour
    return ((1 - t) ** 2 * a + 2 * t * (1 - t) * b + t**2 * c).clamp(0, 1)

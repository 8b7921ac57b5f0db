"""Drawn faces to codes and back: the numbers and the picture of docs/pictures.md.

python -m bench.projecting --picture docs/projected.png [--faces 20 --steps 1000]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch

import steerx
from steerx._pictures import encode, tile, to_uint8
from steerx.projecting import Schedule

SHOWN, FIRST, ALPHA, SCORED = 4, 1000, 2.0, 2000


def smile(G: steerx.Generator) -> steerx.Directions:
    """Found by InterFaceGAN in w, as a user would; alpha counts standard deviations."""
    scorer = steerx.faces.scorer()
    w = G.codes(seeds=range(SCORED), space="w")
    assert isinstance(w, torch.Tensor)
    scores = steerx.score(G, scorer, codes=w, space="w")
    found = steerx.InterFaceGAN(0.1, space="w", names=scorer.names).fit(w, scores, G)
    return found.directions_["smile"].in_sigma(w.double().T.cov().float())


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--picture", type=Path, required=True)
    words.add_argument("--faces", type=int, default=20)
    words.add_argument("--steps", type=int, default=1000)
    asked = words.parse_args()
    G = steerx.load("faces")
    z = G.codes(seeds=range(FIRST, FIRST + asked.faces), space="z")
    assert isinstance(z, torch.Tensor)
    targets = steerx.faces.draw(z)
    schedule = Schedule(steps=asked.steps)
    for space in ("w", "w_plus"):
        started = time.perf_counter()
        found = steerx.project(G, targets, space=space, schedule=schedule)
        each = (time.perf_counter() - started) / len(targets)
        print(
            f"{space}: mean absolute error {found.error.mean():.4f}, at most {found.error.max():.4f}; "
            f"{each:.1f} s a face, {torch.get_num_threads()} threads"
        )
    codes, edits = found.codes[:SHOWN], smile(G)
    columns = [targets[:SHOWN]]
    for alpha in (0.0, -ALPHA, ALPHA):
        moved = steerx.edit(codes, edits, alpha=alpha, G=G)
        columns.append(G.renderer.render(G.enter(moved)))
    pictures = [to_uint8(column.detach()).numpy() for column in columns]
    labels = ["picture", "its code", f"smile -{ALPHA:g}", f"smile +{ALPHA:g}"]
    rows = [[column[n] for column in pictures] for n in range(len(codes))]
    sheet = tile(rows, column_labels=labels, marked=0, scale=2)
    asked.picture.write_bytes(encode(sheet, ".png"))


if __name__ == "__main__":
    main()

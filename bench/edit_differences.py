"""What bfloat16 shows of an edit on `faces`: ||dI_bf16 - dI_fp32|| / ||dI_fp32|| by direction and alpha.

    python -m bench.edit_differences          seconds

Directions are InterFaceGAN's, found in 1,000 seeds; alphas are in sigmas; edits are of 16 seeds.
"""

from __future__ import annotations

import torch

import steerx
from steerx.faces import scorer
from steerx.rendering import NativeRenderer


def main() -> None:
    torch.set_num_threads(1)
    G, seen = steerx.load("faces"), scorer()
    exact, half = (NativeRenderer(G.synthesis, dtype=d) for d in (None, torch.bfloat16))
    w = G.codes(seeds=range(1000), space="w")
    scores = steerx.score(G, seen, codes=w, space="w")
    svm = steerx.InterFaceGAN(0.1, solver="mean", names=seen.names)
    found = svm.fit(w, scores, G).directions_.in_sigma(torch.cov(w.T))

    def moved(renderer: NativeRenderer, step: torch.Tensor) -> torch.Tensor:
        codes = [v[:, None].expand(-1, G.num_ws, -1) for v in (w[:16] + step, w[:16])]
        one, other = (renderer.render(G.styles(code)) for code in codes)
        return one - other

    with torch.inference_mode():
        for name, vector in zip(found.names, found.vectors, strict=True):
            for alpha in (0.25, 0.5, 1.0):
                right = moved(exact, alpha * vector)
                error = (moved(half, alpha * vector) - right).norm() / right.norm()
                print(f"{name:12} {alpha:4} sigma: {error:.1%}")


if __name__ == "__main__":
    main()

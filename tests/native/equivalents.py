"""Mutants that no test can kill because they mean no mistake: (file, the mutated line) -> why."""

from __future__ import annotations

SAME_AT_THE_BOUND = "both sides of the choice are the same number where they meet"
IDLE_BLOCKS = (
    "blocks too many, which find no column or row of theirs: the same results, a moment lost"
)

EQUIVALENT: dict[tuple[str, str], str] = {
    (
        "tail.cuh",
        "return value >= limit ? limit : value < -limit ? -limit : value;",
    ): SAME_AT_THE_BOUND,
    (
        "tail.cuh",
        "y.lane[l] = static_cast<T>(clamped((sum <= 0 ? sum * tail.slope : sum) * tail.gain, "
        "tail.clamp));",
    ): SAME_AT_THE_BOUND,
    (
        "tail.cuh",
        "const int64_t last = (first + kTailThreads <= row_packs ? first + kTailThreads : "
        "row_packs) - 1;",
    ): SAME_AT_THE_BOUND,
    (
        "tail.cuh",
        "const int64_t rows = p.H - row <= kTailRows ? p.H - row : kTailRows;",
    ): SAME_AT_THE_BOUND,
    (
        "tail.cuh",
        "for (int64_t row = int64_t(blockIdx.y) * kTailRows; row <= p.H;",
    ): "one more strip, of no rows: nothing is read or written",
    (
        "tail.cuh",
        "return dim3(static_cast<unsigned>(x), static_cast<unsigned>(y <= kMostY ? y : kMostY),",
    ): SAME_AT_THE_BOUND,
    (
        "tail.cuh",
        "static_cast<unsigned>(p.N <= kMostZ ? p.N : kMostZ));",
    ): SAME_AT_THE_BOUND,
    (
        "tail.cuh",
        "const int64_t x = (p.W * (p.O / width) + kTailThreads ) / kTailThreads;",
    ): IDLE_BLOCKS,
    (
        "tail.cuh",
        "const int64_t x = (p.W * (p.O / width) + kTailThreads + 1) / kTailThreads;",
    ): IDLE_BLOCKS,
    (
        "tail.cuh",
        "const int64_t x = (p.W * (p.O ) + kTailThreads - 1) / kTailThreads;",
    ): IDLE_BLOCKS,
    ("tail.cuh", "const int64_t y = (p.H + kTailRows ) / kTailRows;"): IDLE_BLOCKS,
    ("tail.cuh", "const int64_t y = (p.H + kTailRows + 1) / kTailRows;"): IDLE_BLOCKS,
    ("tail.cuh", "const int64_t y = (p.H + kTailRows - 1) ;"): IDLE_BLOCKS,
    ("eigh.cuh", "most = size >= most ? size : most;"): "a largest of equals is the same",
    ("eigh.cuh", "most = other >= most ? other : most;"): "a largest of equals is the same",
    (
        "eigh.cuh",
        "most = largest[warp] >= most ? largest[warp] : most;",
    ): "a largest of equals is the same",
    (
        "eigh.cuh",
        "const float size = fabsf(value) <= INFINITY ? fabsf(value) : INFINITY;",
    ): "infinity stays infinity",
    (
        "eigh.cuh",
        "const bool turned = fabsf(off) >= kEighNothing;",
    ): "a threshold that no number meets",
    (
        "eigh.cuh",
        "const float tangent = cotangent <= 0 ? -size : size, cosine = 1 / sqrtf(1 + tangent * tangent);",
    ): "half a right angle may be turned either way",
    (
        "eigh.cuh",
        "if (fabsf(entry) >= most) most = fabsf(entry), place.sign = entry < 0 ? -1.0f : 1.0f;",
    ): "two largest entries of one size: either may be positive",
    (
        "eigh.cuh",
        "if (fabsf(entry) > most) most = fabsf(entry), place.sign = entry <= 0 ? -1.0f : 1.0f;",
    ): "an entry above the largest so far is not 0",
    (
        "eigh.cuh",
        "for (int sweep = 0; sweep <= kEighSweeps; ++sweep) {",
    ): "a bound that nothing reaches",
    (
        "eigh.cuh",
        "for (int round = 0; round <= N - 1; ++round) {",
    ): "a pair that meets twice stays turned",
    (
        "eigh.cuh",
        "for (int round = 0; round < N ; ++round) {",
    ): "a pair that meets twice stays turned",
    (
        "eigh.cuh",
        "for (int round = 0; round < N + 1; ++round) {",
    ): "a pair that meets twice stays turned",
    (
        "style_layer.cuh",
        "",
    ): "orders no data; it keeps the compiler from fetching all details at once",
}

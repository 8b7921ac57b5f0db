"""Mutants that no test can kill because they mean no mistake: (file, the mutated line) -> why.

A line that went is named "gone: " and what it was. An excuse fits one mutant: a line that stands twice in a
file cannot be excused once.
"""

from __future__ import annotations

SAME_AT_THE_BOUND = "both sides of the choice are the same number where they meet"
IDLE_BLOCKS = (
    "blocks too many, which find no column or row of theirs: the same results, a moment lost"
)
IDLE_TILES = "tiles that begin outside the output, of which nothing is written: a moment lost"
IDLE_STEP = "a step more, of channels that are zero: a moment lost"
LARGEST = "a largest of equals is the same"
AGAIN = "weights copied again over themselves: a moment lost"

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
    ("eigh.cuh", "most = size >= most ? size : most;"): LARGEST,
    ("eigh.cuh", "most = other >= most ? other : most;"): LARGEST,
    (
        "eigh.cuh",
        "most = largest[warp] >= most ? largest[warp] : most;",
    ): LARGEST,
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
        "gone: __syncwarp();",
    ): "orders no data; it keeps the compiler from fetching all details at once",
    (
        "style_layer_tile.cuh",
        "for (int i = int(threadIdx.x) / kDepthPacks; i <= kLayerTaps * Tile::kChannels;",
    ): "one row more, into the gap between two planes, read from the next channel's weights",
    (
        "style_layer_tile.cuh",
        "for (int i = int(threadIdx.x); i < Tile::kChannels; i = Tile::kThreads) {",
    ): "no thread has two channels",
    (
        "style_layer_tile.cuh",
        "const int steps = (int(p.I) + kLayerDepth ) / kLayerDepth;",
    ): IDLE_STEP,
    (
        "style_layer_tile.cuh",
        "const int steps = (int(p.I) + kLayerDepth + 1) / kLayerDepth;",
    ): IDLE_STEP,
    (
        "style_layer_tile.cuh",
        "weights = steps >= kLayerStages || tiles.slices > 1;",
    ): AGAIN,
    (
        "style_layer_tile.cuh",
        "weights = steps > kLayerStages || tiles.slices >= 1;",
    ): AGAIN,
    (
        "style_layer_tile.cuh",
        "const int64_t columns = (p.W + Tile::kColumns ) / Tile::kColumns;",
    ): IDLE_TILES,
    (
        "style_layer_tile.cuh",
        "const int64_t columns = (p.W + Tile::kColumns + 1) / Tile::kColumns;",
    ): IDLE_TILES,
    (
        "style_layer_tile.cuh",
        "const int64_t rows = (p.H + Tile::kRows ) / Tile::kRows;",
    ): IDLE_TILES,
    (
        "style_layer_tile.cuh",
        "const int64_t rows = (p.H + Tile::kRows + 1) / Tile::kRows;",
    ): IDLE_TILES,
    (
        "style_layer_tile.cuh",
        "const bool few = count < 0x7fffffff;",
    ): "one tile fewer than can be counted: more than any memory holds",
    (
        "moments.cuh",
        "const int64_t last = p.N - first <= length ? p.N : first + length;",
    ): SAME_AT_THE_BOUND,
    (
        "moments_tile.cuh",
        "for (int64_t chunk = first; chunk <= last; chunk += kTileChunk) {",
    ): "a chunk more, of no rows",
    (
        "moments_tile.cuh",
        "const int64_t end = last - chunk <= kTileChunk ? last : chunk + kTileChunk;",
    ): SAME_AT_THE_BOUND,
    (
        "moments_tile.cuh",
        "for (int64_t row = chunk; row <= end; row += kTileRows) {",
    ): "a step more, of no rows",
    (
        "weight_covariance.cuh",
        "for (int64_t c = lane; c < p.D; c += 32) most = fabsf(x[c]) >= most ? fabsf(x[c]) : most;",
    ): LARGEST,
    ("weight_covariance.cuh", "most = other >= most ? other : most;"): LARGEST,
}

// 3x3 convolutions of styled inputs by Winograd's minimal filtering, with weights that all samples
// share and that were transformed once. Lavin and Gray, "Fast algorithms for convolutional neural
// networks", 2016.
#pragma once
#include <cstdint>

#include "steerx/isa.h"
#include "steerx/tail.h"

namespace steerx {

constexpr int64_t kPanel = 16;    // channels that lie side by side in a transformed weight
constexpr int64_t kTileSide = 4;  // input pixels that a tile stands for, in each direction

// plain: F(4x4, 3x3), 36 products a tile, the tail in the output transform.
// transposed: of stride 2; even rows and columns of the result are F(4, 2), odd ones the input
// times the middle tap: 81 products a tile, where 144 multiplications stood.
enum class WinogradForm : int { plain, transposed };

static inline constexpr int64_t winograd_points(WinogradForm form) {
  return form == WinogradForm::plain ? 36 : 81;
}

struct WinogradParams {
  WinogradForm form;
  const float* x;         // x s' [N, H, W, I]
  const float* weight;    // [points, O / kPanel, I, kPanel]
  int64_t N, H, W, I, O;  // I and O are multiples of kPanel
  float* z;               // transposed: [N, 2 H + 1, 2 W + 1, O]
  Tail tail;              // plain: float32; noise is given, not drawn
};

// Tiles in the order they are numbered in: those with pixels of the input, sample by sample and row
// by row; then, where a transposed form's last row or column of results has a tile of its own,
// those below the samples, beside them, and at their corners. Any piece of all of them may be made
// by any thread, with the same bits.
struct WinogradTiles {
  int64_t high, wide;                    // of a sample's inner tiles
  int64_t inner, below, beside, corner;  // counts
};

static inline constexpr WinogradTiles winograd_tiles(const WinogradParams& p) {
  const int64_t high = (p.H + kTileSide - 1) / kTileSide, wide = (p.W + kTileSide - 1) / kTileSide;
  const bool transposed = p.form == WinogradForm::transposed;
  const int64_t rows = transposed && p.H % kTileSide == 0,
                columns = transposed && p.W % kTileSide == 0;
  return {
      high, wide, p.N * high * wide, p.N * wide * rows, p.N * high * columns, p.N * rows * columns};
}

static inline constexpr int64_t winograd_count(const WinogradTiles& t) {
  return t.inner + t.below + t.beside + t.corner;
}

struct WinogradCpu {
  int64_t group;  // tiles that are multiplied together: pieces should be multiples of it
  // Floats of room that a piece of so many tiles needs, 64-byte aligned.
  int64_t (*room)(const WinogradParams& p, int64_t tiles);
  void (*tiles)(const WinogradParams& p, int64_t first, int64_t last, float* room);
};

// Nulls where the instruction set was not compiled for.
WinogradCpu winograd_cpu(Isa isa);

}  // namespace steerx

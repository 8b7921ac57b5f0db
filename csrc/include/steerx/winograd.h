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

// How many tiles there are in all. Any piece of them may be made by any thread, with the same bits.
static inline constexpr int64_t winograd_tiles(const WinogradParams& p) {
  const int64_t more = p.form == WinogradForm::plain ? kTileSide - 1 : kTileSide;
  return p.N * ((p.H + more) / kTileSide) * ((p.W + more) / kTileSide);
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

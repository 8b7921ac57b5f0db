// 3x3 convolutions of styled inputs in bfloat16 for processors with matrix units: sums in float32,
// nine products a pixel, plain or transposed and blurred, with weights that all samples share and
// the tail of a style_layer behind them.
#pragma once
#include <cstdint>

#include "steerx/isa.h"
#include "steerx/tail.h"

namespace steerx {

constexpr int64_t kDirectBlock = 32;  // channels that lie side by side; I and O are multiples of it

// plain: padding 1. upsampling: transposed, of stride 2, then blurred by `taps` in each direction.
enum class DirectForm : int { plain, upsampling };

struct DirectParams {
  DirectForm form;
  const uint16_t* x;       // x s' [N, H, W, I], bfloat16
  const uint16_t* weight;  // [O / 32, 9 I / 32, 2, 16, 16, 2], 64-byte aligned: ops/_direct.py
  int64_t N, H, W, I, O;
  float taps[4];  // of the blur, symmetric, gain included
  Tail tail;      // of [N, H, W, O], upsampling: [N, 2 H, 2 W, O], bfloat16; noise is not drawn
};

// Pixels of the input, and blocks of outputs, whose results are made together, by any thread, with
// the same bits wherever the others begin. A picture needs all blocks in one piece.
struct DirectPiece {
  int64_t n, row, rows, column, columns, block, blocks;
};

struct DirectCpu {
  // Bytes of room that a piece of this size needs, 64-byte aligned.
  int64_t (*room)(const DirectParams& p, int64_t rows, int64_t columns);
  void (*piece)(const DirectParams& p, const DirectPiece& piece, void* room);
};

// `units`: by the processor's matrix units; else by floats, slowly. Nulls where that was not
// compiled for or does not run.
DirectCpu direct_cpu(Isa isa, bool units);

// Whether this process may use matrix units for bfloat16; asks the system once.
bool matrix_units_run();

}  // namespace steerx

// filtered_lrelu on the CPU: y = down(clamp(gain * lrelu(up(x + b)))), the upsampled picture
// between the two filters never in memory as a whole. The formula is that of
// steerx/ops/_filtered_lrelu.py.
#pragma once
#include <cstdint>

#include "steerx/isa.h"
#include "steerx/real.h"

namespace steerx {

// A filter's taps, turned around, so that results are correlations. T as x.
struct FilterTaps {
  const void* rows;     // [t] down the picture, or [t, t] where columns is null
  const void* columns;  // [t] across
  int64_t t;
};

struct FilteredLreluParams {
  Real real;           // T: float32 or float64
  bool channels_last;  // x and y are [N, H, W, C]; else [N, C, H, W]
  const void* x;
  const void* bias;  // [C] or null
  int64_t N, C, H, W;
  FilterTaps first, last;  // before and behind the activation
  int64_t up, down;
  int64_t left, top;  // columns and rows of zeros before the upsampled picture; negative crops
  double slope, gain, clamp;
  void* y;
  int64_t rows, columns;  // of the result
};

// Part of the result of some channels, made by any thread, with the same bits wherever it is cut.
struct FilteredLreluPiece {
  int64_t group, row, rows, column, columns;
};

struct FilteredLreluCpu {
  int64_t (*groups)(const FilteredLreluParams& p);  // of planes that are worked on side by side
  // Bytes of room that a piece of so many columns needs, 64-byte aligned.
  int64_t (*room)(const FilteredLreluParams& p, int64_t columns);
  void (*piece)(const FilteredLreluParams& p, const FilteredLreluPiece& piece, void* room);
};

// Nulls where the instruction set was not compiled for.
FilteredLreluCpu filtered_lrelu_cpu(Isa isa);

}  // namespace steerx

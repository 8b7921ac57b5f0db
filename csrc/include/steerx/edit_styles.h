// edit_styles: out[b] = base[sources[b]] + alphas[b] * steps[directions[b]], rows of styles of one
// batch of a sweep.
#pragma once
#include <cstdint>

#include "steerx/isa.h"
#include "steerx/real.h"

namespace steerx {

// Everything is contiguous. T is the type that `real` names.
struct EditStylesParams {
  Real real;
  const void* base;           // [N, S]  T
  const void* steps;          // [K, S]  T
  const void* alphas;         // [B]  T
  const int64_t* sources;     // [B]  rows of base
  const int64_t* directions;  // [B]  rows of steps
  void* out;                  // [B, S]  T
  int64_t N, K, B, S;
};

// Writes the elements first ... last - 1 of out, counted in memory order. float32 and float64 only;
// all rows must exist. Never throws, accepts an empty range.
using EditStylesCpu = void (*)(const EditStylesParams& p, int64_t first, int64_t last);

// The kernel compiled for an instruction set; null where this build has none.
EditStylesCpu edit_styles_cpu(Isa isa);

// A row that does not exist gives a row of NaN. Returns a CUDA status (0 = success); takes a
// stream, never waits, never allocates, accepts empty input.
int edit_styles_cuda(const EditStylesParams& p, void* stream);

}  // namespace steerx

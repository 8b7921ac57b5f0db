// upsample_epilogue: the blur after a stride-2 transposed convolution of a 3x3 kernel, fused with
// everything that follows. The filter must be symmetric and separable with four taps: an asymmetric
// one takes the general path.
#pragma once
#include <cstdint>

#include "steerx/real.h"
#include "steerx/tail.h"

namespace steerx {

struct UpsampleEpilogueParams {
  Real real;           // float32, float16 or bfloat16
  const void* x;       // [N, H + 1, W + 1, O]  T, what the transposed convolution gave, or
  bool shuffled;       // [N, H / 2 + 1, W / 2 + 1, 4, O]: the phases of its 2x2 blocks
  int64_t N, H, W, O;  // of the result; H and W are even
  float taps[4];       // of the blur in one direction, gain included
  Tail tail;
};

// Returns a CUDA status (0 = success); takes a stream, never waits, never allocates, accepts empty
// input.
int upsample_epilogue_cuda(const UpsampleEpilogueParams& p, void* stream);

}  // namespace steerx

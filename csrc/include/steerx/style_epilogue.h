// style_epilogue: everything that follows a convolution, in one pass over its output.
#pragma once
#include <cstdint>

#include "steerx/real.h"
#include "steerx/tail.h"

namespace steerx {

struct StyleEpilogueParams {
  Real real;      // float32, float16 or bfloat16
  const void* x;  // [N, H, W, O]  T
  int64_t N, H, W, O;
  Tail tail;
};

// Whether the picture's share can be made in the same pass: a pixel's channels fit in a warp.
bool epilogue_makes_rgb(Real real, int64_t O);

// Returns a CUDA status (0 = success); takes a stream, never waits, never allocates, accepts empty
// input.
int style_epilogue_cuda(const StyleEpilogueParams& p, void* stream);

}  // namespace steerx

// The epilogues on the CPU: everything that follows a convolution, in one pass over its output.
#pragma once
#include "steerx/isa.h"
#include "steerx/style_epilogue.h"
#include "steerx/upsample_epilogue.h"

namespace steerx {

// Rows first ... last - 1 of the N * H of the result; rows may be made in any pieces and by any
// threads with the same bits. Noise is given, not drawn (see counted_noise). Channels and sizes are
// any; H and W of a shuffled x are even.
struct EpilogueCpu {
  void (*style)(const StyleEpilogueParams& p, int64_t first, int64_t last);
  void (*upsample)(const UpsampleEpilogueParams& p, int64_t first, int64_t last);
};

// Null where the instruction set was not compiled for.
EpilogueCpu epilogue_cpu(Isa isa);

// Numbers first ... last - 1 of the standard normal ones of a sample, "normal-v1" of _seeds.py.
void counted_noise_cpu(uint64_t key, uint64_t id, int64_t first, int64_t last, float* to);

}  // namespace steerx

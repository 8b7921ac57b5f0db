// What a convolution of scaled styles with scaled weights is multiplied by: see
// steerx/rendering/convolution.py. Sums run over the inputs in one order, whatever the batch.
#pragma once
#include <cstdint>

#include "steerx/isa.h"

namespace steerx {

struct DemodulationParams {
  const float* unit;        // s' [N, I]
  const float* unit_scale;  // a [N]
  const float* power;       // sum_k W'^2 [I, O]
  const float* scale;       // b [O]
  int64_t N, I, O;
  float eps, least;  // least: of what is under the root
  float* factor;     // [N, O]
};

// Outputs first ... last - 1, in any pieces of whole 128.
using DemodulationCpu = void (*)(const DemodulationParams& p, int64_t first, int64_t last);

// Null where the instruction set was not compiled for.
DemodulationCpu demodulation_cpu(Isa isa);

}  // namespace steerx

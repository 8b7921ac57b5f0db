// Noise drawn for a CPU's kernels, which read maps. Beside tail_arguments.h.
#pragma once
#include <torch/csrc/stable/ops.h>

#include "steerx/cpu_epilogue.h"
#include "tail_arguments.h"

namespace steerx {

// Draws what a tail of [N, H, W, O] asks for and points to it. The tensor must outlive the tail.
inline Maybe draw_noise(Tail& tail, const Tensor& x, int64_t N, int64_t H, int64_t W) {
  if (tail.sample_ids == nullptr) return {};
  Tensor drawn = torch::stable::new_empty(x, {N, H, W}, ScalarType::Float);
  float* to = static_cast<float*>(drawn.mutable_data_ptr());
  const int64_t* ids = tail.sample_ids;
  const uint64_t key = tail.noise_key;
  torch::stable::parallel_for(0, N * H, 16, [=](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row)
      counted_noise_cpu(key, static_cast<uint64_t>(ids[row / H]), row % H * W, (row % H + 1) * W,
                        to + row * W);
  });
  tail.noise = to, tail.noise_step = H * W, tail.sample_ids = nullptr;
  return drawn;
}

}  // namespace steerx

// weight_covariance in two kernels: a warp finds the length of a row, then a block makes one tile
// of one layer's product (moments_tile.cuh says how, and what bounds it). All layers are one
// launch.
#pragma once
#include "moments_tile.cuh"
#include "steerx/weight_covariance.h"

namespace steerx {

constexpr int kLayersAtOnce = 32;

// The rows of as many layers as one launch makes, by value: nothing to copy to the device.
struct LayerRows {
  int64_t first[kLayersAtOnce], last[kLayersAtOnce];
};

// Scaled by the row's largest magnitude, so that no square is too large or too small.
SIMT_KERNEL void __launch_bounds__(kTileThreads) row_lengths_kernel(WeightCovarianceParams p) {
  constexpr int kWarps = kTileThreads / 32;
  const int lane = threadIdx.x % 32;
  for (int64_t row = int64_t(blockIdx.x) * kWarps + threadIdx.x / 32; row < p.S;
       row += int64_t(gridDim.x) * kWarps) {
    const float* const x = p.rows + row * p.D;
    float most = 0, sum = 0;
    for (int64_t c = lane; c < p.D; c += 32) most = fabsf(x[c]) > most ? fabsf(x[c]) : most;
    for (int step = 16; step > 0; step /= 2) {
      const float other = __shfl_xor_sync(~0u, most, step);
      most = other > most ? other : most;
    }
    for (int64_t c = lane; c < p.D; c += 32) {
      const float part = most > 0 ? x[c] / most : x[c];
      sum += part * part;
    }
    for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(~0u, sum, step);
    if (lane == 0) p.lengths[row] = sum == 0 ? 0.0f : 1 / (most * sqrtf(sum));
  }
}

// Layer blockIdx.y of those at hand, out [.., D, D].
SIMT_KERNEL void __launch_bounds__(kTileThreads)
    weight_covariance_kernel(TileSource<float> source, LayerRows rows, double* out) {
  SIMT_SHARED(left, TileStage);
  SIMT_SHARED(right, TileStage);
  const int64_t layer = blockIdx.y;
  product_tile<float>(source, rows.first[layer], rows.last[layer], int64_t(blockIdx.x),
                      out + layer * source.D * source.D, nullptr, left, right);
}

}  // namespace steerx

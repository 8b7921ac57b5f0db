// moments in two kernels: a block makes one tile (moments_tile.cuh says how, and what bounds it) of
// one part of the rows; then a thread adds an entry of all parts, in their order, to the running
// sums. No atomics: the same rows give the same bits. bench/bench_moments.py
#pragma once
#include "moments_tile.cuh"
#include "steerx/moments.h"

namespace steerx {

// Part s holds rows s * length ... of x; its sums are row D of partial[s].
template <typename T>
SIMT_KERNEL void __launch_bounds__(kTileThreads)
    moments_part_kernel(MomentsParams p, int64_t length) {
  SIMT_SHARED(left, TileStage);
  SIMT_SHARED(right, TileStage);
  const TileSource<T> source{static_cast<const T*>(p.x), p.shift, nullptr, p.D};
  const int64_t first = int64_t(blockIdx.y) * length;
  const int64_t last = p.N - first < length ? p.N : first + length;
  double* const partial = p.partial + int64_t(blockIdx.y) * (p.D + 1) * p.D;
  product_tile(source, first, last, int64_t(blockIdx.x), partial, partial + p.D * p.D, left, right);
}

SIMT_KERNEL void __launch_bounds__(kTileThreads)
    moments_merge_kernel(MomentsParams p, int64_t parts) {
  const int64_t entries = (p.D + 1) * p.D;
  for (int64_t e = int64_t(blockIdx.x) * kTileThreads + threadIdx.x; e < entries;
       e += int64_t(gridDim.x) * kTileThreads) {
    double* const to = e < p.D * p.D ? p.products + e : p.sum + (e - p.D * p.D);
    double total = *to;
    for (int64_t part = 0; part < parts; ++part) total += p.partial[part * entries + e];
    *to = total;
  }
}

}  // namespace steerx

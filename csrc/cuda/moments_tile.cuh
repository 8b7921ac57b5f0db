// The tile of a symmetric product that moments and weight_covariance share: a block makes 64 x 64
// entries of sum_n y_n y_n^T and their mirror images, y = (x - shift) * scale. It stages 32 rows of
// both sides in shared memory; a thread keeps 4 x 4 entries in registers, in float32 over 256 rows,
// then adds them to float64. Bound: arithmetic, N D (D + 64) / 2 multiply-adds in float32 of which
// half a percent again in float64; x is read D / 64 times, from L2.
#pragma once
#include "simt/simt.h"

namespace steerx {

constexpr int kTileSide = 64;    // entries
constexpr int kTileRows = 32;    // staged at a time
constexpr int kTileChunk = 256;  // rows summed in float32
constexpr int kTileThreads = 256;
constexpr int kTilePack = 4;  // entries of a thread in one direction
constexpr int kTilePacks = kTileSide / kTilePack;

struct alignas(16) TilePack {
  float lane[kTilePack];
};
using TileStage = TilePack[kTileRows][kTilePacks];

template <typename T>
struct TileSource {
  const T* x;          // [.., D]
  const float* shift;  // [D] or null = 0
  const float* scale;  // one per row of x, or null = 1
  int64_t D;

  // Rows `row` ... of columns `column` ..., zeros where there is none.
  SIMT_DEVICE void stage(TileStage& to, int64_t row, int64_t last, int64_t column) const {
    for (int t = threadIdx.x; t < kTileRows * kTileSide; t += kTileThreads) {
      const int64_t r = row + t / kTileSide, c = column + t % kTileSide;
      float y = 0;
      if (r < last && c < D) {
        y = static_cast<float>(x[r * D + c]);
        if (shift != nullptr) y -= shift[c];
        if (scale != nullptr) y *= scale[r];
      }
      to[t / kTileSide][t % kTileSide / kTilePack].lane[t % kTilePack] = y;
    }
  }
};

// How many tiles lie on and above the diagonal.
inline int64_t tile_count(int64_t D) {
  const int64_t side = (D + kTileSide - 1) / kTileSide;
  return side * (side + 1) / 2;
}

// The rows first ... last - 1 of the source: tile `tile` of out [D, D], and with it, where it lies
// on the diagonal, its columns' sums [D] unless null.
template <typename T>
SIMT_DEVICE void product_tile(const TileSource<T>& source, int64_t first, int64_t last,
                              int64_t tile, double* out, double* sums, TileStage& left,
                              TileStage& right) {
  const int64_t D = source.D, side = (D + kTileSide - 1) / kTileSide;
  int64_t i = 0, j = tile;
  for (; j >= side - i; ++i) j -= side - i;
  const int64_t top = i * kTileSide, start = (i + j) * kTileSide;
  const int up = threadIdx.x / kTilePacks, across = threadIdx.x % kTilePacks;
  const bool sums_too = sums != nullptr && j == 0 && threadIdx.x < kTileSide;

  double total[kTilePack][kTilePack] = {}, sum = 0;
  for (int64_t chunk = first; chunk < last; chunk += kTileChunk) {
    const int64_t end = last - chunk < kTileChunk ? last : chunk + kTileChunk;
    float kept[kTilePack][kTilePack] = {};
    for (int64_t row = chunk; row < end; row += kTileRows) {
      source.stage(left, row, end, top);
      source.stage(right, row, end, start);
      __syncthreads();
#pragma unroll 4
      for (int r = 0; r < kTileRows; ++r) {
        const TilePack a = left[r][up], b = right[r][across];
#pragma unroll
        for (int k = 0; k < kTilePack; ++k)
#pragma unroll
          for (int l = 0; l < kTilePack; ++l) kept[k][l] += a.lane[k] * b.lane[l];
      }
      if (sums_too) {
        float part = 0;
        for (int r = 0; r < kTileRows; ++r)
          part += reinterpret_cast<const float*>(left[r])[threadIdx.x];
        sum += part;
      }
      __syncthreads();  // the next rows wait for the last reader of these
    }
#pragma unroll
    for (int k = 0; k < kTilePack; ++k)
#pragma unroll
      for (int l = 0; l < kTilePack; ++l) total[k][l] += kept[k][l];
  }

#pragma unroll
  for (int k = 0; k < kTilePack; ++k)
#pragma unroll
    for (int l = 0; l < kTilePack; ++l) {
      const int64_t r = top + up * kTilePack + k, c = start + across * kTilePack + l;
      if (r >= D || c >= D) continue;
      out[r * D + c] = total[k][l];
      if (j > 0) out[c * D + r] = total[k][l];
    }
  if (sums_too && top + threadIdx.x < D) sums[top + threadIdx.x] = sum;
}

}  // namespace steerx

// style_layer without upsampling: an implicit matrix product, pixels [256 or 128, 9 I] times
// weights [9 I, O].
//
// A block of 4 warps owns a tile of 16 columns of pixels, 16 rows with O <= 32 channels or 8 with
// O <= 64; a warp 4 or 2 rows of it, each the 16 rows of an mma; a thread 64 sums. For each of the
// nine taps a warp reads the weights once (1 or 2 KB) and its pixels, shifted by the tap, once (2
// or 1 KB) for 16 mmas: 192 bytes an mma, 1.5 cycles of shared memory's 128 bytes. In the tail four
// lanes exchange their sums, so that each has a pack of 8 channels of a pixel, and the tail goes on
// as in tail.cuh.
//
// Bound: bytes up to about 32 channels. N H W (I + O) 2 bytes cross the memory bus (the halo, 1.27
// or 1.41 times the input, comes from L2) for N H W 18 I O operations: 144 operations a byte at 32
// channels; 288 at 64, where the H200's ridge of 184 is passed and arithmetic bounds it. Shared
// memory: 42 or 52 KiB a block; with its registers three blocks fit on a multiprocessor.
#pragma once
#include "style_layer_tile.cuh"

namespace steerx {

struct LayerNothing {};

// Before: lane t of four has, of each of four rows of numbers, pair t. After: row t in order.
SIMT_DEVICE void exchange_pairs(float (&pair)[4][2]) {
  const int lane = int(threadIdx.x);  // its two lowest bits are asked
#pragma unroll
  for (int bit = 1; bit <= 2; bit *= 2) {
    const bool upper = lane & bit;
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      if (j & bit) continue;
#pragma unroll
      for (int k = 0; k < 2; ++k) {
        const float sent = upper ? pair[j][k] : pair[j + bit][k];
        const float got = __shfl_xor_sync(~0u, sent, bit);
        if (upper)
          pair[j][k] = got;
        else
          pair[j + bit][k] = got;
      }
    }
  }
}

template <typename T, int kPacks>
struct PlainTile {
  using Kept = LayerNothing;
  static constexpr int kUp = 1, kBefore = 1;
  static constexpr int kWarps = 4, kThreads = 32 * kWarps;
  static constexpr int kChannels = kPacks * kPackChannels;
  static constexpr int kWarpRows = kPacks == 4 ? 4 : 2;
  static constexpr int kRows = kWarpRows * kWarps, kColumns = 16;
  static constexpr int kHaloRows = kRows + 2, kHaloColumns = kColumns + 2;

  float sum[kWarpRows][kPacks][4];

  SIMT_DEVICE void clear() {
#pragma unroll
    for (int r = 0; r < kWarpRows; ++r)
#pragma unroll
      for (int j = 0; j < kPacks; ++j)
#pragma unroll
        for (int k = 0; k < 4; ++k) sum[r][j][k] = 0.0f;
  }

  SIMT_DEVICE void multiply(const LayerStage<T, PlainTile>& stage) {
    const int first = int(threadIdx.x) / 32 * kWarpRows;
#pragma unroll
    for (int tap = 0; tap < kLayerTaps; ++tap) {
      uint32_t b[kPacks][2];
      right_factors(b, stage.weight, tap * kChannels);
#pragma unroll
      for (int r = 0; r < kWarpRows; ++r) {
        uint32_t a[4];
        left_factor(a, stage.x, (first + r + tap / 3) * kHaloColumns + tap % 3);
#pragma unroll
        for (int j = 0; j < kPacks; ++j) simt::mma_m16n8k16<T>(sum[r][j], a, b[j]);
      }
    }
  }

  SIMT_DEVICE void finish(const StyleLayerParams& p, const LayerPlace& at,
                          const LayerDetails<PlainTile>& details, LayerNothing&) {
    constexpr int kGroups = kPacks / 4;
    const Tail& tail = p.tail;
    const int lane = int(threadIdx.x) % 32, quarter = lane % 4;
    const int64_t packs = p.O / kPackChannels;
#pragma unroll
    for (int r = 0; r < kWarpRows; ++r)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int row = int(threadIdx.x) / 32 * kWarpRows + r, column = lane / 4 + 8 * half;
        const int64_t y = at.y + row, x = at.x + column, pixel = (at.n * p.H + y) * p.W + x;
        const bool there = y < p.H && x < p.W;
        const float shift = there && tail_noisy(tail) ? details.noise[row * kColumns + column] : 0;
        float picture[kPictureChannels] = {};
#pragma unroll
        for (int group = 0; group < kGroups; ++group) {
          float pair[4][2], value[kPackChannels];
#pragma unroll
          for (int j = 0; j < 4; ++j)
#pragma unroll
            for (int k = 0; k < 2; ++k) pair[j][k] = sum[r][4 * group + j][2 * half + k];
          exchange_pairs(pair);
#pragma unroll
          for (int l = 0; l < kPackChannels; ++l) value[l] = pair[l / 2][l % 2];
          __syncwarp();  // keeps the compiler from fetching every pixel's details at once
          const int pack = 4 * group + quarter;
          const bool inside = there && pack < packs;
          finish_pack<T, kPackChannels>(tail, details.scale[pack].lane, details.bias[pack].lane,
                                        details.style[pack].lane, shift, inside,
                                        pixel * packs + pack, value);
          if (tail.rgb == nullptr || !inside) continue;
#pragma unroll
          for (int c = 0; c < kPictureChannels; ++c)
#pragma unroll
            for (int l = 0; l < kPackChannels; ++l)
              picture[c] += value[l] * details.rgb[c][pack].lane[l];
        }
        if (tail.rgb == nullptr) continue;
#pragma unroll
        for (int c = 0; c < kPictureChannels; ++c) {
          picture[c] += __shfl_xor_sync(~0u, picture[c], 2);
          picture[c] += __shfl_xor_sync(~0u, picture[c], 1);
          if (there && quarter == 0)
            finish_picture(tail, picture[c], pixel, at.n, y, x, c, p.H, p.W);
        }
      }
  }
};

template <typename T, int kPacks>
SIMT_KERNEL void __launch_bounds__(PlainTile<T, kPacks>::kThreads, 3)
    style_layer_kernel(StyleLayerParams p, LayerTiles tiles) {
  using Tile = PlainTile<T, kPacks>;
  using Shared = LayerShared<T, Tile>;
  SIMT_DYNAMIC_SHARED(shared, Shared);
  walk_layer<T, Tile>(p, tiles, *shared);
}

}  // namespace steerx

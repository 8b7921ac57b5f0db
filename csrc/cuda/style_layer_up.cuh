// style_layer with upsampling by 2: stride-2 transposed convolution, blur and tail in one tile.
//
// Row 2 a + i of the transposed convolution z takes input row a with tap i, and for i = 0 also row
// a - 1 with tap 2; columns alike. So the four phases (i, j) of z at (a, b) are 9 products of 4
// shifted inputs, no operation more than the transposed convolution has.
//
// A block of 8 warps owns 28x28 pixels of 32 channels; a warp two rows of 16 places (a, b), the 16
// rows of an mma, in all four phases; a thread 128 sums. That is 32x32 of z, the tile and what the
// blur's four taps reach beyond it. A step reads, for 72 mmas, weights of 9 KB and pixels of 4 KB:
// 185 bytes an mma. z is demodulated, rounded to T (times d, so no half overflows) and kept in
// shared memory 16 channels at a time; then threads walk down the columns of the tile, as in
// upsample_epilogue.cuh.
//
// z in shared memory: pack c of column j lies in slot 2 j + (c ^ (j / 4 % 2)) of its row. 8 lanes
// that blur read both packs of four neighbouring columns: 8 different slots of 8, whatever the tap.
// 8 lanes that write sums, 4 bytes of every other column, meet each bank twice; there are four
// times as many reads.
//
// Bound: bytes, N H W (I / 4 + O) 2 for N H W 4.5 I O operations, 96 a byte with 64 to 32 channels;
// the borders of tiles add 30 % to the operations and 1.47 times the input, in part from L2.
// Shared memory: 77 KiB a block; its registers let one block be on a multiprocessor.
#pragma once
#include "style_layer_tile.cuh"

namespace steerx {

template <typename T>
struct UpTile {
  static constexpr int kUp = 2, kBefore = 2;
  static constexpr int kWarps = 8, kThreads = 32 * kWarps;
  static constexpr int kPacks = 4, kChannels = kPacks * kPackChannels;
  static constexpr int kWarpRows = 2;
  static constexpr int kPlaces = 16;  // (a, b) of a tile in one direction
  static constexpr int kRows = 2 * kPlaces - 4, kColumns = kRows;  // less the blur's reach
  static constexpr int kHaloRows = kPlaces + 1, kHaloColumns = kHaloRows;
  static constexpr int kKeptPacks = 2;  // channels of z at a time
  static_assert(kWarpRows * kWarps == kPlaces);

  struct Kept {
    LayerPack<T> z[2 * kPlaces][2 * kPlaces][kKeptPacks];
  };

  float sum[kWarpRows][4][kPacks][4];  // of phase 2 i + j

  static SIMT_DEVICE LayerPack<T>& kept_at(Kept& kept, int row, int column, int pack) {
    return kept.z[row][column][pack ^ (column >> 2 & 1)];
  }

  SIMT_DEVICE void clear() {
#pragma unroll
    for (int r = 0; r < kWarpRows; ++r)
#pragma unroll
      for (int phase = 0; phase < 4; ++phase)
#pragma unroll
        for (int j = 0; j < kPacks; ++j)
#pragma unroll
          for (int k = 0; k < 4; ++k) sum[r][phase][j][k] = 0.0f;
  }

  SIMT_DEVICE void multiply(const LayerStage<T, UpTile>& stage) {
    const int first = int(threadIdx.x) / 32 * kWarpRows;
#pragma unroll
    for (int shift = 0; shift < 4; ++shift) {
      const int up = shift / 2, left = shift % 2;  // input row a - up, column b - left
      uint32_t a[kWarpRows][4];
#pragma unroll
      for (int r = 0; r < kWarpRows; ++r)
        left_factor(a[r], stage.x, (first + r + 1 - up) * kHaloColumns + 1 - left);
#pragma unroll
      for (int phase = 0; phase < 4; ++phase) {
        const int i = phase / 2, j = phase % 2;
        if ((up && i) || (left && j)) continue;
        const int tap = (up ? 2 : i) * 3 + (left ? 2 : j);
        uint32_t b[kPacks][2];
        right_factors(b, stage.weight, tap * kChannels);
#pragma unroll
        for (int r = 0; r < kWarpRows; ++r)
#pragma unroll
          for (int o = 0; o < kPacks; ++o) simt::mma_m16n8k16<T>(sum[r][phase][o], a[r], b[o]);
      }
    }
  }

  // Two packs of z, demodulated, into shared memory.
  template <int kFirst>
  SIMT_DEVICE void keep(const LayerDetails<UpTile>& details, Kept& kept) const {
    const int lane = int(threadIdx.x) % 32, warp = int(threadIdx.x) / 32, pair = lane % 4 * 2;
#pragma unroll
    for (int r = 0; r < kWarpRows; ++r)
#pragma unroll
      for (int phase = 0; phase < 4; ++phase)
#pragma unroll
        for (int j = 0; j < kKeptPacks; ++j)
#pragma unroll
          for (int half = 0; half < 2; ++half) {
            const int row = 2 * (warp * kWarpRows + r) + phase / 2;
            const int column = 2 * (lane / 4 + 8 * half) + phase % 2;
            const float* scale = details.scale[kFirst + j].lane + pair;
            LayerPack<T>& z = kept_at(kept, row, column, j);
            TailPack<T, 2> both;
#pragma unroll
            for (int k = 0; k < 2; ++k)
              both.lane[k] = static_cast<T>(sum[r][phase][kFirst + j][2 * half + k] * scale[k]);
            *reinterpret_cast<TailPack<T, 2>*>(z.lane + pair) = both;
          }
  }

  // Row r of z filtered across for column `column` of the tile.
  SIMT_DEVICE void across(const StyleLayerParams& p, Kept& kept, int r, int column, int pack,
                          float (&value)[kPackChannels]) const {
#pragma unroll
    for (int l = 0; l < kPackChannels; ++l) value[l] = 0.0f;
#pragma unroll
    for (int tap = 0; tap < 4; ++tap) {
      const LayerPack<T> z = kept_at(kept, r, column + 1 + tap, pack);
#pragma unroll
      for (int l = 0; l < kPackChannels; ++l)
        value[l] += p.taps[tap] * static_cast<float>(z.lane[l]);
    }
  }

  // The blur and the tail of what is kept: a thread walks down 7 rows of a column.
  SIMT_DEVICE void blur(const StyleLayerParams& p, const LayerPlace& at,
                        const LayerDetails<UpTile>& details, Kept& kept, int first) const {
    constexpr int kStrip = 7, kWalkers = kColumns * kKeptPacks;
    static_assert(kRows % kStrip == 0 && kRows / kStrip * kWalkers <= kThreads);
    const int walker = int(threadIdx.x) % kWalkers, strip = int(threadIdx.x) / kWalkers;
    if (strip * kStrip >= kRows) return;
    const Tail& tail = p.tail;
    const int pack = walker % kKeptPacks, column = walker / kKeptPacks, own = first + pack;
    const int64_t packs = p.O / kPackChannels, out = at.channel / kPackChannels + own;
    const int64_t x = at.x + column;
    float one[kPackChannels], window[3][kPackChannels];
#pragma unroll
    for (int l = 0; l < kPackChannels; ++l) one[l] = 1.0f;
#pragma unroll
    for (int tap = 0; tap < 3; ++tap)
      across(p, kept, strip * kStrip + 1 + tap, column, pack, window[tap]);
#pragma unroll 1
    for (int row = strip * kStrip; row < strip * kStrip + kStrip; ++row) {
      float latest[kPackChannels], value[kPackChannels];
      across(p, kept, row + 4, column, pack, latest);
#pragma unroll
      for (int l = 0; l < kPackChannels; ++l) {
        value[l] = p.taps[0] * window[0][l] + p.taps[1] * window[1][l] + p.taps[2] * window[2][l] +
                   p.taps[3] * latest[l];
        window[0][l] = window[1][l], window[1][l] = window[2][l], window[2][l] = latest[l];
      }
      const int64_t y = at.y + row, pixel = (at.n * p.H + y) * p.W + x;
      const bool inside = y < p.H && x < p.W && out < packs;
      const float shift = inside && tail_noisy(tail) ? details.noise[row * kColumns + column] : 0;
      finish_pack<T, kPackChannels>(tail, one, details.bias[own].lane, details.style[own].lane,
                                    shift, inside, pixel * packs + out, value);
    }
  }

  SIMT_DEVICE void finish(const StyleLayerParams& p, const LayerPlace& at,
                          const LayerDetails<UpTile>& details, Kept& kept) const {
    keep<0>(details, kept);
    __syncthreads();
    blur(p, at, details, kept, 0);
    __syncthreads();  // the next two packs wait for the last reader of these
    keep<kKeptPacks>(details, kept);
    __syncthreads();
    blur(p, at, details, kept, kKeptPacks);
  }
};

template <typename T>
SIMT_KERNEL void __launch_bounds__(UpTile<T>::kThreads, 1)
    style_layer_up_kernel(StyleLayerParams p, LayerTiles tiles) {
  using Tile = UpTile<T>;
  using Shared = LayerShared<T, Tile>;
  SIMT_DYNAMIC_SHARED(shared, Shared);
  walk_layer<T, Tile>(p, tiles, *shared);
}

}  // namespace steerx

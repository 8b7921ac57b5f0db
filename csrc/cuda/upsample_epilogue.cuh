// upsample_epilogue: the tail walks over the blurred output of a transposed convolution. A thread
// filters four packs of a row across and keeps four such rows, so a row of x is read once per strip
// from memory and its three neighbours across come from the cache. Shuffled, the four phases of a
// 2x2 block lie one behind the other. See tail.cuh for what bounds it.
#pragma once
#include "steerx/upsample_epilogue.h"
#include "tail.cuh"

namespace steerx {

template <typename T, int kWidth, bool kShuffled>
struct BlurredSource {
  static constexpr int kTaps = 4;
  const UpsampleEpilogueParams& p;
  const TailPack<T, kWidth>* from;  // pack at row 0, column 0 of the sample
  int64_t packs, column, row = 0;
  bool inside;
  float window[kTaps - 1][kWidth];  // the last rows, filtered across

  SIMT_DEVICE BlurredSource(const UpsampleEpilogueParams& p_, int64_t n, int64_t pack,
                            int64_t column_, bool inside_)
      : p(p_), packs(p_.O / kWidth), column(column_), inside(inside_) {
    const int64_t pixels =
        kShuffled ? (p.H / 2 + 1) * (p.W / 2 + 1) * 4 : (p.H + 1) * (p.W + 1);  // of a sample of x
    from = static_cast<const TailPack<T, kWidth>*>(p.x) + n * pixels * packs + pack;
  }

  // Which pixel of x stands at row r, column c of the transposed convolution.
  SIMT_DEVICE int64_t pixel(int64_t r, int64_t c) const {
    if constexpr (!kShuffled) return r * (p.W + 1) + c;
    return ((r / 2) * (p.W / 2 + 1) + c / 2) * 4 + (r % 2) * 2 + c % 2;
  }

  // Row r of x filtered across; x is zero outside.
  SIMT_DEVICE void across(int64_t r, float (&sum)[kWidth]) {
#pragma unroll
    for (int l = 0; l < kWidth; ++l) sum[l] = 0.0f;
    if (!inside || r < 0 || r > p.H) return;
#pragma unroll
    for (int tap = 0; tap < kTaps; ++tap) {
      const int64_t c = column - 1 + tap;
      if (c < 0 || c > p.W) continue;
      const TailPack<T, kWidth> pack = from[pixel(r, c) * packs];
#pragma unroll
      for (int l = 0; l < kWidth; ++l) sum[l] += p.taps[tap] * static_cast<float>(pack.lane[l]);
    }
  }

  SIMT_DEVICE void start(int64_t first) {
    row = first;
    for (int tap = 0; tap < kTaps - 1; ++tap) across(row - 1 + tap, window[tap]);
  }

  SIMT_DEVICE void next(float (&value)[kWidth]) {
    float latest[kWidth];
    across(row + 2, latest);
#pragma unroll
    for (int l = 0; l < kWidth; ++l) {
      value[l] = p.taps[0] * window[0][l] + p.taps[1] * window[1][l] + p.taps[2] * window[2][l] +
                 p.taps[3] * latest[l];
      window[0][l] = window[1][l];
      window[1][l] = window[2][l];
      window[2][l] = latest[l];
    }
    ++row;
  }
};

template <typename T, int kWidth, bool kShuffled>
SIMT_KERNEL void __launch_bounds__(kTailThreads, kTailBlocks)
    upsample_epilogue_kernel(UpsampleEpilogueParams p) {
  SIMT_SHARED(noise, float[kTailRows][kTailThreads + 1]);
  walk_tail<T, kWidth, false, UpsampleEpilogueParams, BlurredSource<T, kWidth, kShuffled>>(p,
                                                                                           noise);
}

}  // namespace steerx

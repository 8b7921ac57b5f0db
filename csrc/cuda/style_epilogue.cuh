// style_epilogue: the tail walks over a convolution's output. See tail.cuh for what bounds it.
#pragma once
#include "steerx/style_epilogue.h"
#include "tail.cuh"

namespace steerx {

template <typename T, int kWidth>
struct PlainSource {
  const TailPack<T, kWidth>* from;
  int64_t step;
  bool inside;

  SIMT_DEVICE PlainSource(const StyleEpilogueParams& p, int64_t n, int64_t pack, int64_t column,
                          bool inside_)
      : step(p.W * (p.O / kWidth)), inside(inside_) {
    from = static_cast<const TailPack<T, kWidth>*>(p.x) + n * p.H * step + column * (p.O / kWidth) +
           pack;
  }

  SIMT_DEVICE void start(int64_t row) { from += row * step; }

  SIMT_DEVICE void next(float (&value)[kWidth]) {
    if (!inside) {
      for (int l = 0; l < kWidth; ++l) value[l] = 0.0f;
      return;
    }
    const TailPack<T, kWidth> pack = *from;
#pragma unroll
    for (int l = 0; l < kWidth; ++l) value[l] = static_cast<float>(pack.lane[l]);
    from += step;
  }
};

// Four values a thread and no picture fit in 64 registers: four blocks on a multiprocessor.
template <typename T, int kWidth, bool kRgb>
SIMT_KERNEL void __launch_bounds__(kTailThreads, kRgb || kWidth > 4 ? kTailBlocks : 4)
    style_epilogue_kernel(StyleEpilogueParams p) {
  SIMT_SHARED(noise, float[kTailRows][kTailThreads + 1]);
  walk_tail<T, kWidth, kRgb, StyleEpilogueParams, PlainSource<T, kWidth>>(p, noise);
}

}  // namespace steerx

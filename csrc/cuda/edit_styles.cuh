// One block writes kThreads * kWidth neighbouring elements of a row, then strides over columns and
// rows. Bound: bytes. B*S elements are written; base and steps, N + K rows, are read from L2 where
// they fit, so about B*S*sizeof(T) bytes cross the memory bus and twice as many the L2. Each thread
// moves 16 bytes at a time where rows and pointers are aligned to 16 bytes, else one element.
// bench/bench_edit_styles.py
#pragma once
#include "simt/simt.h"
#include "steerx/edit_styles.h"

namespace steerx {

constexpr int kEditStylesThreads = 256;

// Arithmetic happens in Wide and is rounded once.
template <typename T>
struct Widened {
  using Wide = float;
};
template <>
struct Widened<double> {
  using Wide = double;
};

template <typename T, int kWidth>
struct alignas(sizeof(T) * kWidth) Pack {
  T lane[kWidth];
};

template <typename T, int kWidth>
SIMT_KERNEL void __launch_bounds__(kEditStylesThreads) edit_styles_kernel(EditStylesParams p) {
  using Wide = typename Widened<T>::Wide;
  using Lanes = Pack<T, kWidth>;
  const int64_t packs = p.S / kWidth;
  const Lanes* base = static_cast<const Lanes*>(p.base);
  const Lanes* steps = static_cast<const Lanes*>(p.steps);
  Lanes* out = static_cast<Lanes*>(p.out);
  for (int64_t b = blockIdx.y; b < p.B; b += gridDim.y) {
    const int64_t source = p.sources[b], direction = p.directions[b];
    const bool exists = source >= 0 && source < p.N && direction >= 0 && direction < p.K;
    const Wide alpha = static_cast<Wide>(static_cast<const T*>(p.alphas)[b]);
    const Wide nan = static_cast<Wide>(__int_as_float(0x7fffffff));
    for (int64_t i = int64_t(blockIdx.x) * kEditStylesThreads + threadIdx.x; i < packs;
         i += int64_t(gridDim.x) * kEditStylesThreads) {
      Lanes edited;
      if (exists) {
        const Lanes from = base[source * packs + i];
        const Lanes step = steps[direction * packs + i];
#pragma unroll
        for (int l = 0; l < kWidth; ++l)
          edited.lane[l] = static_cast<T>(
              fma(alpha, static_cast<Wide>(step.lane[l]), static_cast<Wide>(from.lane[l])));
      } else {
#pragma unroll
        for (int l = 0; l < kWidth; ++l) edited.lane[l] = static_cast<T>(nan);
      }
      out[b * packs + i] = edited;
    }
  }
}

}  // namespace steerx

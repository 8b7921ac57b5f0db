// Compiled once per instruction set (STEERX_ISA); the object that also gets STEERX_TABLE holds the
// table of all. Bound: bytes. B*S elements are written and as many steps read; N + K rows stay in
// cache. Products are not contracted (-ffp-contract=off), so every instruction set gives the
// reference's bits. bench/bench_edit_styles.py
#include "steerx/edit_styles.h"

namespace steerx {
namespace STEERX_ISA {
namespace {

template <typename T>
void edit(const EditStylesParams& p, int64_t first, int64_t last) {
  const T* base = static_cast<const T*>(p.base);
  const T* steps = static_cast<const T*>(p.steps);
  const T* alphas = static_cast<const T*>(p.alphas);
  T* out = static_cast<T*>(p.out);
  while (first < last) {
    const int64_t row = first / p.S, begin = first - row * p.S;
    const int64_t end = last - row * p.S < p.S ? last - row * p.S : p.S;
    const T* __restrict__ from = base + p.sources[row] * p.S;
    const T* __restrict__ step = steps + p.directions[row] * p.S;
    T* __restrict__ to = out + row * p.S;
    const T alpha = alphas[row];
#pragma omp simd
    for (int64_t s = begin; s < end; ++s) to[s] = from[s] + alpha * step[s];
    first += end - begin;
  }
}

}  // namespace

void edit_styles(const EditStylesParams& p, int64_t first, int64_t last) {
  p.real == Real::float64 ? edit<double>(p, first, last) : edit<float>(p, first, last);
}

}  // namespace STEERX_ISA

#ifdef STEERX_TABLE
#if defined(__x86_64__)
namespace avx2 {
void edit_styles(const EditStylesParams& p, int64_t first, int64_t last);
}
namespace avx512 {
void edit_styles(const EditStylesParams& p, int64_t first, int64_t last);
}
#endif

EditStylesCpu edit_styles_cpu(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx2) return avx2::edit_styles;
  if (isa == Isa::avx512) return avx512::edit_styles;
#endif
  return isa == Isa::baseline ? STEERX_ISA::edit_styles : nullptr;
}
#endif

}  // namespace steerx

// Compiled once per instruction set (STEERX_ISA). Bound: the products; with few pixels, the bytes
// of the weights, read once per piece. bench/bench_cpu_renderer.py
#if defined(__clang__)
#pragma clang fp contract(fast)
#else
#pragma GCC optimize("fp-contract=fast")  // sums of products are fused in every object that can
#endif
#include "steerx/gathered.h"

#include "steerx/panel_product.h"

namespace steerx {
namespace STEERX_ISA {
namespace {

// Where tap t of a phase reads, beside the result's own pixel.
struct Offset {
  int64_t row, column;
};

Offset offset(GatheredForm form, int64_t phase, int64_t t) {
  if (form == GatheredForm::plain) return {t / 3 - 1, t % 3 - 1};
  const int64_t columns = 2 - phase % 2;  // even rows and columns take x[a], then x[a - 1]
  return {-(t / columns), -(t % columns)};
}

void gather(const GatheredParams& p, int64_t phase, int64_t first, int64_t last, float* rows) {
  const int64_t margin = p.form == GatheredForm::plain ? 0 : 1, wide = p.W + margin,
                high = p.H + margin, taps = gathered_taps(p.form, phase), blocks = p.I / kBlock;
  constexpr uint64_t kBytes = kBlock * sizeof(float);
  for (int64_t at = first; at < last; ++at) {
    const int64_t n = at / (high * wide), row = at / wide % high, column = at % wide;
    const int64_t place = at - first;
    float* to = rows + place / kGroup * kGroup * taps * p.I + place % kGroup * kBlock;
    for (int64_t t = 0; t < taps; ++t) {
      const Offset by = offset(p.form, phase, t);
      const int64_t r = row + by.row, c = column + by.column;
      const bool inside = r >= 0 && r < p.H && c >= 0 && c < p.W;
      const float* from = inside ? p.x + ((n * p.H + r) * p.W + c) * p.I : nullptr;
      for (int64_t block = 0; block < blocks; ++block, to += kGroup * kBlock)
        if (inside)
          __builtin_memcpy(to, from + block * kBlock, kBytes);
        else
          __builtin_memset(to, 0, kBytes);
    }
  }
}

void multiply(const GatheredParams& p, int64_t phase, int64_t first, int64_t last, int64_t begin,
              int64_t end, const float* rows) {
  const int64_t phases = gathered_phases(p.form), depth = gathered_taps(p.form, phase) * p.I;
  const float* weight = p.weight;
  for (int64_t before = 0; before < phase; ++before)
    weight += gathered_taps(p.form, before) * p.I * p.O;
  matrix_product(rows, last - first, weight + begin * depth * kBlock, depth, (end - begin) * kBlock,
                 p.z + (first * phases + phase) * p.O + begin * kBlock, phases * p.O);
}

}  // namespace

GatheredCpu gathered() { return {kGroup, gather, multiply}; }

}  // namespace STEERX_ISA

#ifdef STEERX_TABLE
#if defined(__x86_64__)
namespace avx2 {
GatheredCpu gathered();
}
namespace avx512 {
GatheredCpu gathered();
}
#endif

GatheredCpu gathered_cpu(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx2) return avx2::gathered();
  if (isa == Isa::avx512) return avx512::gathered();
#endif
  return isa == Isa::baseline ? STEERX_ISA::gathered() : GatheredCpu{0, nullptr, nullptr};
}
#endif

}  // namespace steerx

// Compiled once per instruction set (STEERX_ISA). Lanes are outputs; eight of them at a time keep
// their sums in registers while the inputs pass. Bound: bytes of `power`, read once per sample.
#include "steerx/demodulation.h"

#include "steerx/lanes.h"

namespace steerx {
namespace STEERX_ISA {
namespace {

constexpr int kSums = 8;

void demodulate(const DemodulationParams& p, int64_t begin, int64_t end) {
  for (int64_t n = 0; n < p.N; ++n) {
    const float* unit = p.unit + n * p.I;
    for (int64_t first = begin; first < end; first += kSums * kLanes) {
      Lanes sum[kSums] = {};
      const int64_t rest = end - first;
      const int whole = rest < kSums * kLanes ? static_cast<int>(rest / kLanes) : kSums;
      const int odd = whole < kSums ? static_cast<int>(rest % kLanes) : 0;
      for (int64_t i = 0; i < p.I; ++i) {
        const float* row = p.power + i * p.O + first;
        const Lanes square = lanes(unit[i] * unit[i]);
        if (whole == kSums) {
#pragma GCC unroll 8
          for (int l = 0; l < kSums; ++l) sum[l] += square * load(row + l * kLanes);
          continue;
        }
        for (int l = 0; l < whole; ++l) sum[l] += square * load(row + l * kLanes);
        if (odd > 0) sum[whole] += square * load(row + whole * kLanes, odd);
      }
      for (int64_t at = 0; at < whole * kLanes + odd; ++at) {
        const int64_t o = first + at;
        const float both = p.unit_scale[n] * p.scale[o];
        const float under = sum[at / kLanes][at % kLanes] + p.eps / (both * both);
        p.factor[n * p.O + o] = 1.0f / __builtin_sqrtf(under < p.least ? p.least : under);
      }
    }
  }
}

}  // namespace

DemodulationCpu demodulation() { return demodulate; }

}  // namespace STEERX_ISA

#ifdef STEERX_TABLE
#if defined(__x86_64__)
namespace avx2 {
DemodulationCpu demodulation();
}
namespace avx512 {
DemodulationCpu demodulation();
}
#endif

DemodulationCpu demodulation_cpu(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx2) return avx2::demodulation();
  if (isa == Isa::avx512) return avx512::demodulation();
#endif
  return isa == Isa::baseline ? STEERX_ISA::demodulation() : nullptr;
}
#endif

}  // namespace steerx

// Products of 32 rows and 32 columns of bfloat16, sums in float32: by the processor's matrix units,
// and by floats, which says what they compute.
#pragma once
#include "steerx/lanes.h"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace steerx {
namespace STEERX_ISA {
namespace {

constexpr int kSide = 32;         // rows, columns, and channels of a step
constexpr int kHalf = kSide / 2;  // what a register of the unit holds: 16 rows of 64 bytes
constexpr int kLine = 64;
constexpr int kStep = kSide * kSide;  // numbers of a step's columns: [2][16 pairs][16 columns][2]

// Steps of a product: step s takes rows of 32 channels one behind the other from at[s] on, and the
// columns' next kStep numbers. While it runs, `lines` lines a step are asked for from `ahead` on.
struct Steps {
  const int64_t* at;
  int count;
  const char* ahead;
  int lines;
};

STEERX_INLINE void ask(const Steps& steps, int step) {
  for (int line = 0; line < steps.lines; ++line)
    __builtin_prefetch(steps.ahead + (step * steps.lines + line) * kLine, 0, 2);
}

struct FloatUnit {
  static void start() {}
  static void stop() {}

  // sums [32][32] += rows * columns; = where `fresh`. Rows of sums lie `apart` floats apart.
  static void product(const BFloat16* rows, const Steps& steps, const BFloat16* columns,
                      float* sums, int apart, bool fresh) {
    for (int row = 0; row < kSide; ++row)
      for (int c = 0; c < kSide; c += kLanes) {
        float* to = sums + row * apart + c;
        Lanes sum = fresh ? Lanes{} : load(to);
        for (int s = 0; s < steps.count; ++s) {
          const BFloat16* left = rows + steps.at[s] + row * kSide;
          const BFloat16* right = columns + s * kStep + c / kHalf * kStep / 2 + c % kHalf * 2;
          for (int pair = 0; pair < kHalf; ++pair, right += kSide)
            for (int k = 0; k < 2; ++k) {
              Lanes column;
              for (int l = 0; l < kLanes; ++l) column[l] = widen(right[2 * l + k]);
              sum += widen(left[2 * pair + k]) * column;
            }
        }
        store(to, sum);
      }
  }

 private:
  static float widen(BFloat16 value) {
    return __builtin_bit_cast(float, static_cast<uint32_t>(value.bits) << 16);
  }
};

#if defined(__AVX512F__)
#define STEERX_UNITS __attribute__((target("amx-tile,amx-bf16")))

struct MatrixUnit {
  // Eight registers of 16 rows of 64 bytes: palette 1, then bytes and rows of each.
  STEERX_UNITS static void start() {
    // Static: compilers take the intrinsic to read no more than its first bytes.
    alignas(64) static constexpr uint8_t kRegisters[64] = {
        1, 0,  0, 0,  0, 0,  0, 0,  0, 0,  0,  0,  0,  0,  0,  0,  64, 0, 64,
        0, 64, 0, 64, 0, 64, 0, 64, 0, 64, 0,  64, 0,  0,  0,  0,  0,  0, 0,
        0, 0,  0, 0,  0, 0,  0, 0,  0, 0,  16, 16, 16, 16, 16, 16, 16, 16};
    _tile_loadconfig(kRegisters);
  }
  STEERX_UNITS static void stop() { _tile_release(); }

  STEERX_UNITS static void product(const BFloat16* rows, const Steps& steps,
                                   const BFloat16* columns, float* sums, int apart, bool fresh) {
    constexpr int kRow = kSide * sizeof(BFloat16), kLower = kHalf * kSide;
    const int row = apart * int(sizeof(float));
    float* lower = sums + kHalf * apart;
    if (fresh) {
      _tile_zero(0);
      _tile_zero(1);
      _tile_zero(2);
      _tile_zero(3);
    } else {
      _tile_loadd(0, sums, row);
      _tile_loadd(2, lower, row);
      _tile_loadd(1, sums + kHalf, row);
      _tile_loadd(3, lower + kHalf, row);
    }
    for (int s = 0; s < steps.count; ++s, columns += kStep) {
      const BFloat16* from = rows + steps.at[s];
      ask(steps, s);
      _tile_loadd(4, from, kRow);
      _tile_loadd(6, columns, kRow);
      _tile_dpbf16ps(0, 4, 6);
      _tile_loadd(5, from + kLower, kRow);
      _tile_dpbf16ps(2, 5, 6);
      _tile_loadd(7, columns + kStep / 2, kRow);
      _tile_dpbf16ps(1, 4, 7);
      _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, sums, row);
    _tile_stored(2, lower, row);
    _tile_stored(1, sums + kHalf, row);
    _tile_stored(3, lower + kHalf, row);
  }
};
#endif

}  // namespace
}  // namespace STEERX_ISA
}  // namespace steerx

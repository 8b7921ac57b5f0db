// The product of a group of rows and panels of columns, sums in registers: the inner loop of
// csrc/cpu/winograd.cpp. Every sum runs over the depth in one order, whatever is computed beside
// it.
#pragma once
#include "steerx/lanes.h"

namespace steerx {
namespace STEERX_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kGroup = 12;  // rows: 24 of 32 registers are sums
#elif defined(__AVX2__)
constexpr int kGroup = 6;  // 12 of 16
#else
constexpr int kGroup = 4;
#endif
constexpr int kBlock = 16;  // channels of a row that lie side by side, and columns of a panel

// Lines of the next panels, asked for while these are multiplied: so many per block of the depth.
struct Ahead {
  uintptr_t at;
  int lines;
};
constexpr int kLine = 64;

// rows [depth / kBlock][kGroup][kBlock], columns [panel][depth][kBlock] from lane `lane` of a panel
// on; to [kRows][step].
template <int kRows, int kColumns>
STEERX_INLINE void product(const float* rows, const float* columns, int lane, int64_t depth,
                           float* to, int64_t step, Ahead ahead) {
  Lanes sum[kRows][kColumns] = {};
  for (int64_t block = 0; block < depth / kBlock; ++block, rows += kGroup * kBlock) {
    for (int line = 0; line < ahead.lines; ++line, ahead.at += kLine)
      __builtin_prefetch(reinterpret_cast<const void*>(ahead.at), 0, 2);
    for (int k = 0; k < kBlock; ++k) {
      Lanes right[kColumns];
#pragma GCC unroll 4
      for (int c = 0; c < kColumns; ++c) {
        const int at = lane + c * kLanes;
        right[c] = load(columns + at / kBlock * depth * kBlock + (block * kBlock + k) * kBlock +
                        at % kBlock);
      }
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const Lanes left = lanes(rows[r * kBlock + k]);
#pragma GCC unroll 4
        for (int c = 0; c < kColumns; ++c) sum[r][c] += left * right[c];
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 4
    for (int c = 0; c < kColumns; ++c) store(to + r * step + lane + c * kLanes, sum[r][c]);
}

template <int kColumns, int kRows = kGroup>
void few_rows(int count, const float* rows, const float* columns, int lane, int64_t depth,
              float* to, int64_t step, Ahead ahead) {
  if (count == kRows)
    product<kRows, kColumns>(rows, columns, lane, depth, to, step, ahead);
  else if constexpr (kRows > 1)
    few_rows<kColumns, kRows - 1>(count, rows, columns, lane, depth, to, step, ahead);
}

// [count rows][depth] times [depth][width]; width is a multiple of kBlock, groups lie one behind
// the other.
static void matrix_product(const float* rows, int64_t count, const float* columns, int64_t depth,
                           int64_t width, float* to, int64_t step) {
  constexpr int kWide = 2 * kLanes;  // columns of a step
  for (int64_t panel = 0; panel < width / kBlock;) {
    const bool pair = kWide > kBlock && panel + 1 < width / kBlock;
    const int64_t groups = (count + kGroup - 1) / kGroup, wide = pair ? 2 : 1;
    const int64_t bytes = wide * depth * kBlock * int64_t(sizeof(float));  // of these panels
    const int lines = static_cast<int>(wide * kBlock / groups);
    for (int64_t row = 0; row < count; row += kGroup) {
      const int some = count - row < kGroup ? static_cast<int>(count - row) : kGroup;
      const float *a = rows + row * depth, *b = columns + panel * depth * kBlock;
      float* c = to + row * step + panel * kBlock;
      const Ahead ahead{reinterpret_cast<uintptr_t>(b) + bytes + row / kGroup * bytes / groups,
                        lines};
      if (kWide > kBlock) {
        if (pair)
          few_rows<2>(some, a, b, 0, depth, c, step, ahead);
        else
          few_rows<1>(some, a, b, 0, depth, c, step, ahead);
      } else {
        for (int lane = 0; lane < kBlock; lane += kWide)
          few_rows<2>(some, a, b, lane, depth, c, step, ahead);
      }
    }
    panel += wide;
  }
}

}  // namespace
}  // namespace STEERX_ISA
}  // namespace steerx

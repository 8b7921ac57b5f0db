// A layer's share of the picture, of as many pixels at a time as there are lanes: the sums of all
// of them are folded together, since folding one alone costs as much as its channels do.
#pragma once
#include "steerx/lanes.h"
#include "steerx/tail.h"

namespace steerx {
namespace STEERX_ISA {
namespace {

typedef int32_t Places __attribute__((vector_size(kLanes * sizeof(int32_t))));

// Of two rows of groups of 2 kStep lanes, the lower or the upper half of each group.
template <int kStep, int kFirst>
struct HalfGroups {
  alignas(64) int32_t at[kLanes] = {};

  constexpr HalfGroups() {
    for (int i = 0; i < kLanes; ++i) at[i] = i / kStep * 2 * kStep + i % kStep + kFirst;
  }
};
template <int kStep, int kFirst>
STEERX_INLINE Lanes half_groups(Lanes a, Lanes b) {
  static constexpr HalfGroups<kStep, kFirst> kHalves;
#if defined(__clang__)
  Lanes taken;
  for (int i = 0; i < kLanes; ++i)
    taken[i] = kHalves.at[i] < kLanes ? a[kHalves.at[i]] : b[kHalves.at[i] - kLanes];
  return taken;
#else
  Places at;
  for (int i = 0; i < kLanes; ++i) at[i] = kHalves.at[i];
  return __builtin_shuffle(a, b, at);
#endif
}

// The totals of kLanes vectors, one a lane, left in v[0]: upper halves are added to lower ones.
template <int kStep = kLanes / 2>
STEERX_INLINE void fold(Lanes* v) {
#pragma GCC unroll 16
  for (int i = 0; i < kStep; ++i)
    v[i] = half_groups<kStep, 0>(v[2 * i], v[2 * i + 1]) +
           half_groups<kStep, kStep>(v[2 * i], v[2 * i + 1]);
  if constexpr (kStep > 1) fold<kStep / 2>(v);
}

STEERX_INLINE Lanes limited(Lanes value, Lanes least, Lanes most) {  // NaN passes
  value = value > most ? most : value;
  return value < least ? least : value;
}

// Pixels first ... first + count - 1 of row y of the picture before, at twice its size: two taps of
// four fall on its pixels in each direction. to [count][3], count <= kLanes.
STEERX_INLINE void doubled(const Tail& tail, int64_t n, int64_t y, int64_t first, int count,
                           int64_t H, int64_t W, float* to) {
  constexpr int C = kPictureChannels;
  const int64_t h = H / 2, w = W / 2, top = (y + 1) / 2 - 1, left = (first + 1) / 2 - 1;
  const float upper = top < 0 ? 0.0f : tail.skip_taps[y % 2];
  const float lower = top + 1 >= h ? 0.0f : tail.skip_taps[y % 2 + 2];
  const float* a = tail.skip + (n * h + (top < 0 ? 0 : top)) * w * C;
  const float* b = tail.skip + (n * h + (top + 1 >= h ? h - 1 : top + 1)) * w * C;
  float kept[(kLanes / 2 + 2) * C] = {};  // columns outside are zero
  const int64_t last = (first + count) / 2 + 1 < w ? (first + count) / 2 + 1 : w;
  const int64_t begin = left < 0 ? 0 : left;
  for (int64_t i = begin * C; i < last * C; ++i) kept[i - left * C] = upper * a[i] + lower * b[i];
  for (int p = 0; p < count; ++p) {
    const int64_t x = first + p;
    const float* from = kept + ((x + 1) / 2 - 1 - left) * C;
    for (int c = 0; c < C; ++c)
      to[p * C + c] = tail.skip_taps[x % 2] * from[c] + tail.skip_taps[x % 2 + 2] * from[C + c];
  }
}

// What to_uint8 of steerx/_pictures.py makes of a number: two roundings, never one.
STEERX_INLINE Places as_pixels(Lanes value) {
  Lanes product = value * 127.5f;
  __asm__("" : "+m"(product));  // the compiler may not fuse it with the sum
  product = limited(product + 128.0f, Lanes{}, lanes(255.0f));
  product = product == product ? product : Lanes{};
  return __builtin_convertvector(product, Places);
}

// The picture at `rows` rows of `columns` pixels from [row, column] on, of the sums over channels
// of pixel [i * step + j]; at most kLanes of them. Sums of pixels beyond are any numbers.
STEERX_INLINE void picture(const Tail& tail, const Lanes (*sums)[kPictureChannels], int64_t n,
                           int64_t row, int64_t column, int rows, int columns, int step, int64_t H,
                           int64_t W) {
  constexpr int C = kPictureChannels;
  Lanes value[C];
  for (int c = 0; c < C; ++c) {
    Lanes v[kLanes];
#pragma GCC unroll 16
    for (int p = 0; p < kLanes; ++p) v[p] = sums[p][c];
    fold(v);
    const float bias = tail.rgb_bias == nullptr ? 0.0f : tail.rgb_bias[c];
    value[c] = limited(v[0] + bias, lanes(-tail.rgb_clamp), lanes(tail.rgb_clamp));
  }
  if (tail.skip != nullptr) {
    float before[kLanes][C] = {};
    for (int i = 0; i < rows; ++i)
      doubled(tail, n, row + i, column, columns, H, W, before[i * step]);
    for (int p = 0; p < kLanes; ++p)
      for (int c = 0; c < C; ++c) value[c][p] += before[p][c];
  }
  Places pixel[C];
  if (tail.pixels != nullptr)
    for (int c = 0; c < C; ++c) pixel[c] = as_pixels(value[c]);
  for (int i = 0; i < rows; ++i) {
    const int64_t to = ((n * H + row + i) * W + column) * C;
    for (int j = 0; j < columns; ++j)
      for (int c = 0; c < C; ++c) {
        if (tail.rgb != nullptr) tail.rgb[to + j * C + c] = value[c][i * step + j];
        if (tail.pixels != nullptr)
          tail.pixels[to + j * C + c] = static_cast<uint8_t>(pixel[c][i * step + j]);
      }
  }
}

}  // namespace
}  // namespace STEERX_ISA
}  // namespace steerx

// The tail of a style_layer for lanes of channels: what csrc/cpu does with a convolution's values,
// wherever they come from. See tail.h for the formula.
#pragma once
#include "steerx/lanes.h"
#include "steerx/tail.h"

namespace steerx {
namespace STEERX_ISA {
namespace {

// NaN passes.
STEERX_INLINE float clamped(float value, float limit) {
  return value > limit ? limit : value < -limit ? -limit : value;
}

// The picture at twice its size at one pixel: two taps of four fall on pixels in each direction.
STEERX_INLINE void add_doubled(const Tail& tail, int64_t n, int64_t y, int64_t x, int64_t H,
                               int64_t W, float* rgb) {
  const int64_t h = H / 2, w = W / 2, top = (y + 1) / 2 - 1, left = (x + 1) / 2 - 1;
  float sum[kPictureChannels] = {};
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 2; ++j) {
      const int64_t row = top + i, column = left + j;
      if (row < 0 || row >= h || column < 0 || column >= w) continue;
      const float weight = tail.skip_taps[y % 2 + 2 * i] * tail.skip_taps[x % 2 + 2 * j];
      const float* from = tail.skip + ((n * h + row) * w + column) * kPictureChannels;
      for (int c = 0; c < kPictureChannels; ++c) sum[c] += weight * from[c];
    }
  for (int c = 0; c < kPictureChannels; ++c) rgb[c] += sum[c];
}

// One sample's tail, for y of [N, H, W, O] stored as T.
template <typename T>
struct SampleTail {
  const Tail& tail;
  const int64_t n, H, W, O;
  const float *scale, *style, *rgb_weight;
  const float strength;

  SampleTail(const Tail& tail_, int64_t n_, int64_t H_, int64_t W_, int64_t O_)
      : tail(tail_),
        n(n_),
        H(H_),
        W(W_),
        O(O_),
        scale(tail_.demodulation == nullptr ? nullptr : tail_.demodulation + n_ * O_),
        style(tail_.next_style == nullptr ? nullptr : tail_.next_style + n_ * O_),
        rgb_weight(tail_.rgb == nullptr ? nullptr : tail_.rgb_weight + n_ * kPictureChannels * O_),
        strength(tail_.noise_strength == nullptr ? 1.0f : *tail_.noise_strength) {}

  // Noise times strength of a pixel of the sample. Drawn noise is drawn before.
  float shift(int64_t pixel) const {
    return tail.noise == nullptr ? 0.0f : strength * tail.noise[n * tail.noise_step + pixel];
  }

  // Channels o ... of a pixel: written, and weighed for the picture into three sums. kWhole: all
  // lanes are channels; else the first `count`.
  template <bool kWhole>
  __attribute__((always_inline)) void channels(Lanes value, float shift, int64_t pixel, int64_t o,
                                               int count, Lanes* sums) const {
    const auto at = [&](const float* from) __attribute__((always_inline)) {
      return kWhole ? load(from) : load(from, count);
    };
    if (scale != nullptr) value *= at(scale + o);
    value += lanes(shift);
    if (tail.bias != nullptr) value += at(tail.bias + o);
    value = (value < Lanes{} ? value * tail.slope : value) * tail.gain;
    const Lanes limit = lanes(tail.clamp);
    value = value > limit ? limit : value;
    value = value < -limit ? -limit : value;
    value = rounded<T>(value);
    const int64_t to = (n * H * W + pixel) * O + o;
    if (tail.y != nullptr) put<kWhole>(static_cast<T*>(tail.y) + to, value, count);
    if (tail.styled != nullptr)
      put<kWhole>(static_cast<T*>(tail.styled) + to, value * at(style + o), count);
    if (tail.rgb != nullptr)
      for (int c = 0; c < kPictureChannels; ++c) sums[c] += value * at(rgb_weight + c * O + o);
  }

  // The picture at a pixel, of the sums over its channels.
  void picture(const Lanes* sums, int64_t row, int64_t column) const {
    float* rgb = tail.rgb + ((n * H + row) * W + column) * kPictureChannels;
    for (int c = 0; c < kPictureChannels; ++c) {
      const float bias = tail.rgb_bias == nullptr ? 0.0f : tail.rgb_bias[c];
      rgb[c] = clamped(total(sums[c]) + bias, tail.rgb_clamp);
    }
    if (tail.skip != nullptr) add_doubled(tail, n, row, column, H, W, rgb);
  }

 private:
  template <bool kWhole>
  __attribute__((always_inline)) static void put(T* to, Lanes value, int count) {
    if constexpr (kWhole)
      store(to, value);
    else
      store(to, value, count);
  }
};

}  // namespace
}  // namespace STEERX_ISA
}  // namespace steerx

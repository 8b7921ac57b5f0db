// The tail of a style_layer for lanes of channels: what csrc/cpu does with a convolution's values,
// wherever they come from. See tail.h for the formula.
#pragma once
#include "steerx/cpu_picture.h"

namespace steerx {
namespace STEERX_ISA {
namespace {

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
        rgb_weight(pictured() ? tail_.rgb_weight + n_ * kPictureChannels * O_ : nullptr),
        strength(tail_.noise_strength == nullptr ? 1.0f : *tail_.noise_strength) {}

  // Noise times strength of a pixel of the sample. Drawn noise is drawn before.
  float shift(int64_t pixel) const {
    return tail.noise == nullptr ? 0.0f : strength * tail.noise[n * tail.noise_step + pixel];
  }

  // Channels o ... of a pixel: written, and weighed for the picture into three sums. kWhole: all
  // lanes are channels; else the first `count`.
  template <bool kWhole>
  STEERX_MEMBER void channels(Lanes value, float shift, int64_t pixel, int64_t o, int count,
                              Lanes* sums) const {
    const auto at = [&](const float* from) __attribute__((always_inline)) {
      return kWhole ? load(from) : load(from, count);
    };
    if (scale != nullptr) value *= at(scale + o);
    value += lanes(shift);
    if (tail.bias != nullptr) value += at(tail.bias + o);
    value = (value < Lanes{} ? value * tail.slope : value) * tail.gain;
    value = limited(value, lanes(-tail.clamp), lanes(tail.clamp));
    value = rounded<T>(value);
    const int64_t to = (n * H * W + pixel) * O + o;
    if (tail.y != nullptr) put<kWhole>(static_cast<T*>(tail.y) + to, value, count);
    if (tail.styled != nullptr)
      put<kWhole>(static_cast<T*>(tail.styled) + to, value * at(style + o), count);
    if (rgb_weight != nullptr)
      for (int c = 0; c < kPictureChannels; ++c) sums[c] += value * at(rgb_weight + c * O + o);
  }

  bool pictured() const { return tail.rgb != nullptr || tail.pixels != nullptr; }

  // The picture of a group of pixels; see cpu_picture.h.
  STEERX_MEMBER void group(const Lanes (*sums)[kPictureChannels], int64_t row, int64_t column,
                           int rows, int columns, int step) const {
    picture(tail, sums, n, row, column, rows, columns, step, H, W);
  }

 private:
  template <bool kWhole>
  STEERX_MEMBER static void put(T* to, Lanes value, int count) {
    if constexpr (kWhole)
      store(to, value);
    else
      store(to, value, count);
  }
};

// A sample's tail for the same lanes of channels of many pixels: what they share is read once.
template <typename T>
struct LanesTail {
  const SampleTail<T>* sample = nullptr;
  int64_t o = 0;
  Lanes scale = {}, bias = {}, style = {}, falling = {}, rising = {}, least = {}, most = {};
  Lanes rgb_weight[kPictureChannels] = {};

  LanesTail() = default;
  LanesTail(const SampleTail<T>& of, int64_t o_)
      : sample(&of),
        o(o_),
        scale(of.scale == nullptr ? lanes(1.0f) : load(of.scale + o_)),
        bias(of.tail.bias == nullptr ? Lanes{} : load(of.tail.bias + o_)),
        style(of.style == nullptr ? Lanes{} : load(of.style + o_)),
        falling(lanes(of.tail.slope * of.tail.gain)),
        rising(lanes(of.tail.gain)),
        least(lanes(-of.tail.clamp)),
        most(lanes(of.tail.clamp)) {
    for (int c = 0; c < kPictureChannels && of.rgb_weight != nullptr; ++c)
      rgb_weight[c] = load(of.rgb_weight + c * of.O + o);
  }

  // As SampleTail::channels.
  STEERX_MEMBER void pixel(Lanes value, int64_t pixel, Lanes* sums) const {
    value = value * scale + (bias + sample->shift(pixel));
    value = limited(value * (value < Lanes{} ? falling : rising), least, most);
    const int64_t to = (sample->n * sample->H * sample->W + pixel) * sample->O + o;
    value = rounded<T>(value);
    if (sample->tail.y != nullptr) store(static_cast<T*>(sample->tail.y) + to, value);
    if (sample->tail.styled != nullptr)
      store(static_cast<T*>(sample->tail.styled) + to, value * style);
    if (sample->rgb_weight != nullptr)
      for (int c = 0; c < kPictureChannels; ++c) sums[c] += value * rgb_weight[c];
  }
};

}  // namespace
}  // namespace STEERX_ISA
}  // namespace steerx

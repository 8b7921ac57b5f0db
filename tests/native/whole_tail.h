// A tail with everything in it and the truth of it, for the tests of the CPU renderer's kernels.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "steerx/isa.h"
#include "steerx/tail.h"

namespace {

using namespace steerx;
using Floats = std::vector<float>;
using Doubles = std::vector<double>;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kNone = std::numeric_limits<float>::infinity();

Floats numbers(int64_t count, unsigned seed) {
  Floats values(static_cast<size_t>(count));
  for (float& value : values) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<float>(static_cast<int>(seed >> 8) - (1 << 23)) / (1 << 23);
  }
  return values;
}

// Storage of the three types.
struct BFloat16 {
  uint16_t bits;
  BFloat16(float value = 0) {
    uint32_t word;
    std::memcpy(&word, &value, 4);
    bits = std::isnan(value) ? 0x7fc0
                             : static_cast<uint16_t>((word + 0x7fff + (word >> 16 & 1)) >> 16);
  }
  operator float() const {
    const uint32_t word = uint32_t(bits) << 16;
    float value;
    std::memcpy(&value, &word, 4);
    return value;
  }
};

template <typename T>
std::vector<T> stored(const Floats& from) {
  return std::vector<T>(from.begin(), from.end());
}

// Pieces of a range, from one thread or from two at once.
template <typename Work>
void in_pieces(int64_t count, int64_t piece, bool two, const Work& work) {
  const auto some = [&](int64_t begin, int64_t step) {
    for (int64_t at = begin * piece; at < count; at += step * piece)
      work(at, at + piece < count ? at + piece : count, begin);
  };
  if (!two) return some(0, 1);
  std::thread other(some, 1, 2);
  some(0, 2);
  other.join();
}

struct Shape {
  int64_t N, H, W, O;
};

// A tail with everything in it, its data and the truth of it.
template <typename T>
struct WholeTail {
  Shape s;
  Floats demodulation, bias, noise, strength, style, weight, rgb_bias, skip, rgb;
  std::vector<T> y, styled;
  Tail tail{};

  WholeTail(const Shape& shape, bool picture)
      : s(shape),
        demodulation(numbers(s.N * s.O, 1)),
        bias(numbers(s.O, 2)),
        noise(numbers(s.N * s.H * s.W, 3)),
        strength(1, 0.7f),
        style(numbers(s.N * s.O, 4)),
        weight(numbers(s.N * 3 * s.O, 5)),
        rgb_bias(numbers(3, 6)),
        skip(numbers(s.N * (s.H / 2) * (s.W / 2) * 3, 7)),
        rgb(static_cast<size_t>(s.N * s.H * s.W * 3), kNaN),
        y(static_cast<size_t>(s.N * s.H * s.W * s.O), T(kNaN)),
        styled(y) {
    tail.demodulation = demodulation.data(), tail.bias = bias.data();
    tail.noise = noise.data(), tail.noise_step = s.H * s.W, tail.noise_strength = strength.data();
    tail.slope = 0.2f, tail.gain = 1.5f, tail.clamp = 1.2f, tail.rgb_clamp = 2.0f;
    tail.next_style = style.data(), tail.y = y.data(), tail.styled = styled.data();
    if (!picture) return;
    tail.rgb_weight = weight.data(), tail.rgb_bias = rgb_bias.data(), tail.rgb = rgb.data();
    if (s.H % 2 == 0 && s.W % 2 == 0) tail.skip = skip.data();
    for (int t = 0; t < 4; ++t) tail.skip_taps[t] = t == 0 || t == 3 ? 0.25f : 0.75f;
  }

  // How many outputs are wrong, given the convolution's truth.
  int wrong(const Doubles& x, double allowed) const {
    int count = 0;
    const auto far = [&](double found, double truth, double scale) {
      return !(std::fabs(found - truth) <= allowed * (scale + std::fabs(truth)));
    };
    for (int64_t n = 0; n < s.N; ++n)
      for (int64_t pixel = 0; pixel < s.H * s.W; ++pixel) {
        double sums[3] = {};
        for (int64_t o = 0; o < s.O; ++o) {
          const int64_t at = (n * s.H * s.W + pixel) * s.O + o;
          double z =
              x[at] * demodulation[n * s.O + o] + 0.7 * noise[n * s.H * s.W + pixel] + bias[o];
          z = (z < 0 ? z * 0.2 : z) * 1.5;
          z = z > 1.2 ? 1.2 : z < -1.2 ? -1.2 : z;
          // The next layer's input is made of what is stored.
          const T product(static_cast<float>(y[at]) * style[n * s.O + o]);
          count += far(y[at], z, 1) + !(styled[at] == product);
          for (int c = 0; c < 3; ++c) sums[c] += double(y[at]) * weight[(n * 3 + c) * s.O + o];
        }
        for (int c = 0; c < 3 && tail.rgb != nullptr; ++c) {
          const double limited = sums[c] + rgb_bias[c];
          const double truth = (limited > 2    ? 2
                                : limited < -2 ? -2
                                               : limited) +
                               doubled(n, pixel, c);
          count += far(rgb[(n * s.H * s.W + pixel) * 3 + c], truth, 1 + 0.01 * double(s.O));
        }
      }
    return count;
  }

  // The picture before at twice its size, by the definition: zeros between, then four taps.
  double doubled(int64_t n, int64_t pixel, int c) const {
    if (tail.skip == nullptr) return 0;
    double sum = 0;
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 4; ++j) {
        const int64_t row = pixel / s.W + i - 2, column = pixel % s.W + j - 2;
        if (row < 0 || column < 0 || row % 2 || column % 2 || row >= s.H || column >= s.W) continue;
        sum += double(tail.skip_taps[i]) * tail.skip_taps[j] *
               skip[((n * (s.H / 2) + row / 2) * (s.W / 2) + column / 2) * 3 + c];
      }
    return sum;
  }
};

// How many pixels are not what steerx/_pictures.py makes of a float picture.
[[maybe_unused]] int wrong_pixels(const Floats& rgb, const std::vector<uint8_t>& pixels) {
  int count = 0;
  for (size_t i = 0; i < rgb.size(); ++i) {
    const volatile float product = rgb[i] * 127.5f;  // rounded by itself
    const float level = product + 128.0f;
    count += pixels[i] != static_cast<uint8_t>(level < 0 ? 0 : level > 255 ? 255 : level);
  }
  return count;
}

int said(int wrong, const char* what, Isa isa, const Shape& s) {
  if (wrong)
    std::printf("%s, %s: %d wrong at N = %ld, H = %ld, W = %ld, O = %ld\n", what, isa_name(isa),
                wrong, long(s.N), long(s.H), long(s.W), long(s.O));
  return wrong != 0;
}

}  // namespace

// style_layer against the formula in float64, in every order of threads: with and without
// upsampling. Shapes cross every bound of the kernels: tiles, borders, slices and packs of
// channels, steps that fit both stages and steps that do not, blocks that stride. The race
// checker's witness too, and the one that mutants must not pass.
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <vector>

#include "simt/simt.h"
#include "steerx/style_layer.h"

namespace {

using simt::host::Order;
using steerx::Real;
using steerx::Tail;

int wrong = 0, checked = 0;
std::mt19937 generator(85);

template <typename T>
std::vector<T> numbers(int64_t count, float scale = 1.0f) {
  std::normal_distribution<float> normal;
  std::vector<T> values(static_cast<size_t>(count));  // no room to spare: a read past it shows
  for (T& value : values) value = T(scale * normal(generator));
  return values;
}

void expect_near(double ours, double truth, double allowed, const char* what) {
  ++checked;
  if (std::fabs(ours - truth) <= allowed * (1 + std::fabs(truth))) return;
  if (++wrong <= 10) std::printf("wrong %s: %.9g, expected %.9g\n", what, ours, truth);
}

struct Shape {
  int up;
  int64_t N, H, W, I, O, blocks;
  bool rgb, noise_each, styled_input, plain_only;
  bool infinite = false;  // one of its inputs
};

template <typename T>
struct Layer {
  Shape s;
  std::vector<T> x, weight, y, styled;
  std::vector<float> style, d, b, noise, next, rgb_weight, rgb_bias, skip, rgb;
  float strength = 0.7f;
  steerx::StyleLayerParams p{};

  Layer(Real real, const Shape& shape) : s(shape) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const int64_t values = s.N * s.H * s.W * s.O, pixels = s.N * s.H * s.W;
    x = numbers<T>(pixels / (s.up * s.up) * s.I);
    if (s.infinite) x[x.size() / 2] = T(std::numeric_limits<float>::infinity());
    weight = numbers<T>(s.O * 9 * s.I, 1 / std::sqrt(9.0f * float(s.I)));
    style = numbers<float>(s.N * s.I), d = numbers<float>(s.N * s.O), b = numbers<float>(s.O);
    for (float& v : d) v = 0.5f + 0.5f * std::fabs(v);
    next = numbers<float>(s.N * s.O), noise = numbers<float>(s.noise_each ? pixels : s.H * s.W);
    y.assign(size_t(values), T(nan)), styled.assign(size_t(values), T(nan));
    Tail tail{};
    tail.slope = 0.2f, tail.gain = 1.4f, tail.clamp = 2.0f;
    tail.y = y.data();
    if (!s.plain_only) {
      tail.demodulation = d.data(), tail.bias = b.data();
      tail.noise = noise.data(), tail.noise_step = s.noise_each ? s.H * s.W : 0;
      tail.noise_strength = &strength;
      tail.next_style = next.data(), tail.styled = styled.data();
    }
    if (s.rgb) {
      rgb_weight = numbers<float>(s.N * 3 * s.O), rgb_bias = numbers<float>(3);
      rgb.assign(size_t(pixels * 3), nan);
      tail.rgb_weight = rgb_weight.data(), tail.rgb_bias = rgb_bias.data();
      tail.rgb = rgb.data(), tail.rgb_clamp = 2.0f;
      if (s.H % 2 == 0 && s.W % 2 == 0) {
        skip = numbers<float>(pixels / 4 * 3);
        tail.skip = skip.data();
      }
    }
    const float taps[4] = {0.2f, 0.7f, 0.8f, 0.3f};  // lopsided, so that a turned filter shows
    p.real = real, p.x = x.data(), p.weight = weight.data(), p.up = s.up;
    p.style = s.styled_input ? nullptr : style.data();
    p.N = s.N, p.H = s.H, p.W = s.W, p.I = s.I, p.O = s.O, p.blocks = s.blocks;
    for (int i = 0; i < 4; ++i) p.taps[i] = tail.skip_taps[i] = taps[i];
    p.tail = tail;
  }

  double input(int64_t n, int64_t r, int64_t c, int64_t i) const {  // styled, 0 outside
    const int64_t h = s.H / s.up, w = s.W / s.up;
    if (r < 0 || c < 0 || r >= h || c >= w) return 0;
    const float v = float(x[size_t(((n * h + r) * w + c) * s.I + i)]);
    return s.styled_input ? v : double(float(T(v * style[size_t(n * s.I + i)])));
  }

  double tap(int64_t o, int row, int column, int64_t i) const {
    return float(weight[size_t(((o * 3 + row) * 3 + column) * s.I + i)]);
  }

  // The convolution, or the transposed one [2 h + 1, 2 w + 1] of stride 2, at (n, r, c, o).
  double convolved(int64_t n, int64_t r, int64_t c, int64_t o) const {
    double sum = 0;
    for (int k = 0; k < 3; ++k)
      for (int l = 0; l < 3; ++l) {
        if (s.up == 2 && ((r - k) % 2 || (c - l) % 2)) continue;
        const int64_t from_r = s.up == 2 ? (r - k) / 2 : r - 1 + k;
        const int64_t from_c = s.up == 2 ? (c - l) / 2 : c - 1 + l;
        if ((s.up == 2 && (r < k || c < l))) continue;
        for (int64_t i = 0; i < s.I; ++i) sum += input(n, from_r, from_c, i) * tap(o, k, l, i);
      }
    return sum;
  }

  double skip_at(int64_t n, int64_t i, int64_t j, int c) const {  // zeros between, then four taps
    double sum = 0;
    for (int k = 0; k < 4; ++k)
      for (int l = 0; l < 4; ++l) {
        const int64_t a = i - 2 + k, e = j - 2 + l;
        if (a < 0 || e < 0 || a >= s.H || e >= s.W || a % 2 || e % 2) continue;
        sum += double(p.tail.skip_taps[k]) * p.tail.skip_taps[l] *
               skip[size_t(((n * s.H / 2 + a / 2) * s.W / 2 + e / 2) * 3 + c)];
      }
    return sum;
  }

  void judge(double allowed) const {
    const int64_t zh = s.up == 2 ? s.H + 1 : s.H, zw = s.up == 2 ? s.W + 1 : s.W;
    std::vector<double> z(size_t(zh * zw * s.O));
    for (int64_t n = 0; n < s.N; ++n) {
      for (int64_t at = 0; at < int64_t(z.size()); ++at)
        z[size_t(at)] = convolved(n, at / s.O / zw, at / s.O % zw, at % s.O);
      for (int64_t pixel = 0; pixel < s.H * s.W; ++pixel) judge(n, pixel, z, allowed);
    }
  }

  void judge(int64_t n, int64_t pixel, const std::vector<double>& z, double allowed) const {
    const int64_t i = pixel / s.W, j = pixel % s.W, zh = s.H + 1, zw = s.W + 1;
    double picture[3] = {};
    for (int64_t o = 0; o < s.O; ++o) {
      double v = s.up == 1 ? z[size_t(pixel * s.O + o)] : 0;
      for (int k = 0; s.up == 2 && k < 4; ++k)
        for (int l = 0; l < 4; ++l) {
          const int64_t r = i - 1 + k, c = j - 1 + l;
          if (r < 0 || c < 0 || r >= zh || c >= zw) continue;
          v += double(p.taps[k]) * p.taps[l] * z[size_t((r * zw + c) * s.O + o)];
        }
      const size_t at = size_t((n * s.H * s.W + pixel) * s.O + o);
      if (!s.plain_only)
        v = v * d[size_t(n * s.O + o)] + b[size_t(o)] +
            double(strength) * noise[size_t((s.noise_each ? n * s.H * s.W : 0) + pixel)];
      v = (v < 0 ? 0.2 * v : v) * double(p.tail.gain);
      v = std::fmin(std::fmax(v, -2.0), 2.0);
      expect_near(double(float(y[at])), v, allowed, "y");
      if (!s.plain_only)
        expect_near(double(float(styled[at])), double(float(y[at])) * next[size_t(n * s.O + o)],
                    allowed, "styled");
      for (int c = 0; s.rgb && c < 3; ++c)
        picture[c] += double(float(y[at])) * rgb_weight[size_t((n * 3 + c) * s.O + o)];
    }
    for (int c = 0; s.rgb && c < 3; ++c) {
      double v = std::fmin(std::fmax(picture[c] + rgb_bias[size_t(c)], -2.0), 2.0);
      if (!skip.empty()) v += skip_at(n, i, j, c);
      expect_near(rgb[size_t((n * s.H * s.W + pixel) * 3 + c)], v, 1e-5, "rgb");
    }
  }
};

template <typename T>
void style_layer(Real real, const Shape& s, double allowed) {
  const Layer<T> layer(real, s);
  if (steerx::style_layer_cuda(layer.p, nullptr) == 0) return layer.judge(allowed);
  ++wrong;
  std::printf("style_layer: %s\n", simt::host::last_error());
}

void expect_refused(const steerx::StyleLayerParams& p, const char* what) {
  ++checked;
  if (steerx::style_layer_cuda(p, nullptr) != 0) return;
  ++wrong;
  std::printf("not refused: %s\n", what);
}

void refusals() {
  const Layer<simt::Half> layer(Real::float16, {2, 1, 4, 4, 8, 8, 0, false, false, false, false});
  auto p = layer.p;
  p.real = Real::float32, expect_refused(p, "float32"), p = layer.p;
  p.I = 12, expect_refused(p, "I = 12"), p = layer.p;
  p.O = 12, expect_refused(p, "O = 12"), p = layer.p;
  p.up = 1, p.O = 72, expect_refused(p, "O = 72 without upsampling"), p = layer.p;
  p.up = 3, expect_refused(p, "up = 3"), p = layer.p;
  p.H = 3, expect_refused(p, "odd H with upsampling"), p = layer.p;
  p.x = layer.x.data() + 1, expect_refused(p, "x between packs"), p = layer.p;
  p.weight = layer.weight.data() + 1, expect_refused(p, "weight between packs"), p = layer.p;
  p.style = layer.style.data() + 1, expect_refused(p, "style between packs"), p = layer.p;
  p.N = int64_t(1) << 40, expect_refused(p, "more tiles than can be counted"), p = layer.p;
  p.H = int64_t(1) << 40, expect_refused(p, "more rows of tiles than can be counted"), p = layer.p;
  p.W = int64_t(1) << 40, expect_refused(p, "more columns of them"), p = layer.p;
  float picture[1];
  p.tail.rgb = picture, expect_refused(p, "a picture with upsampling"), p = layer.p;
  p.N = 0, checked += 1, wrong += steerx::style_layer_cuda(p, nullptr) != 0;
}

}  // namespace

int main() {
  const double half = 4e-3, brain = 3e-2;
  using simt::BFloat16;
  using simt::Half;
  for (const Order order : {Order::forward, Order::reverse, Order::random}) {
    simt::host::set_order(order, 7);
    style_layer<Half>(Real::float16, {1, 2, 9, 17, 24, 40, 0, true, true, false, false}, half);
    style_layer<Half>(Real::float16, {1, 1, 18, 34, 8, 32, 1, true, false, false, false}, half);
    style_layer<Half>(Real::float16, {1, 3, 5, 3, 40, 16, 1, true, false, true, false}, half);
    style_layer<BFloat16>(Real::bfloat16, {1, 1, 8, 16, 16, 64, 0, true, true, false, false},
                          brain);
    style_layer<Half>(Real::float16, {1, 1, 1, 1, 8, 8, 0, false, false, false, true}, half);
    style_layer<Half>(Real::float16, {1, 1, 3, 4, 8, 40, 0, true, false, true, false, true}, half);
    style_layer<Half>(Real::float16, {2, 1, 30, 6, 24, 40, 0, false, false, false, false}, half);
    style_layer<Half>(Real::float16, {2, 2, 4, 30, 40, 16, 1, false, true, true, false}, half);
    style_layer<BFloat16>(Real::bfloat16, {2, 1, 2, 58, 16, 8, 2, false, false, false, true},
                          brain);
  }
  refusals();
  std::printf("%d checks, %d wrong\n", checked, wrong);
  return wrong != 0;
}

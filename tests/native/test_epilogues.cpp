// style_epilogue and upsample_epilogue against the formula in float64, in every order of threads.
// The same program is the race checker's witness (SANITIZE=thread) and the one that mutants must
// not pass, so its shapes cross every bound of the kernels: strips, blocks, packs, borders.
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <vector>

#include "simt/simt.h"
#include "steerx/style_epilogue.h"
#include "steerx/upsample_epilogue.h"

namespace {

using simt::host::Order;
using steerx::Real;
using steerx::Tail;

int wrong = 0, checked = 0;
std::mt19937 generator(85);

template <typename T>
std::vector<T> numbers(int64_t count, float scale = 1.0f) {
  std::normal_distribution<float> normal;
  std::vector<T> values;
  values.reserve(size_t(count));  // not one more: what lies behind must not be read
  for (int64_t i = 0; i < count; ++i) values.push_back(T(scale * normal(generator)));
  return values;
}

template <typename T>
std::vector<T> unwritten(int64_t count) {
  return std::vector<T>(size_t(count), T(std::numeric_limits<float>::quiet_NaN()));
}

void expect_near(double ours, double truth, double allowed, const char* what) {
  ++checked;
  if (std::fabs(ours - truth) <= allowed * (1 + std::fabs(truth))) return;
  if (++wrong <= 10) std::printf("wrong %s: %.9g, expected %.9g\n", what, ours, truth);
}

// Philox and Box-Muller as steerx/_seeds.py defines them, for the first number of a block of four.
double counted(uint64_t key, uint64_t id, int64_t i) {
  uint32_t k0 = uint32_t(key), k1 = uint32_t(key >> 32);
  uint32_t w[4] = {uint32_t(i / 4), 0, uint32_t(id), uint32_t(id >> 32)};
  for (int round = 0; round < 10; ++round) {
    const uint64_t p = uint64_t(w[0]) * 0xD2511F53u, q = uint64_t(w[2]) * 0xCD9E8D57u;
    const uint32_t next[4] = {uint32_t(q >> 32) ^ w[1] ^ k0, uint32_t(q),
                              uint32_t(p >> 32) ^ w[3] ^ k1, uint32_t(p)};
    for (int j = 0; j < 4; ++j) w[j] = next[j];
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  const int pair = i % 4 / 2;
  const double u = (w[2 * pair] >> 8) * 0x1p-24, v = (w[2 * pair + 1] >> 8) * 0x1p-24;
  const double radius = std::sqrt(-2 * std::log(u + 0x1p-25)), angle = 2 * M_PI * v;
  return radius * (i % 2 ? std::sin(angle) : std::cos(angle));
}

enum class Noise { none, shared, each, drawn };
enum class Parts { all, fewest, styled_alone };  // fewest: y and what the shape asks for

struct Shape {
  int64_t N, H, W, O;
  Noise noise;
  bool rgb;
  Parts parts = Parts::all;
};

// A tail with everything in it, its outputs unwritten, and the truth of it.
template <typename T>
struct Tailed {
  Shape s;
  std::vector<float> d, b, noise, style, rgb_weight, rgb_bias, skip;
  std::vector<int64_t> ids;
  float strength = 0.7f;
  std::vector<T> y, styled;
  std::vector<float> rgb;
  Tail tail{};

  explicit Tailed(const Shape& shape) : s(shape) {
    const int64_t values = s.N * s.H * s.W * s.O, pixels = s.N * s.H * s.W;
    d = numbers<float>(s.N * s.O), b = numbers<float>(s.O), style = numbers<float>(s.N * s.O);
    y = unwritten<T>(values), styled = unwritten<T>(values);
    tail.demodulation = d.data(), tail.bias = b.data(), tail.next_style = style.data();
    tail.noise_strength = &strength;
    tail.slope = 0.2f, tail.gain = 1.4f, tail.clamp = 1.5f;
    tail.y = y.data(), tail.styled = styled.data();
    if (s.noise == Noise::shared || s.noise == Noise::each) {
      noise = numbers<float>(s.noise == Noise::each ? pixels : s.H * s.W);
      tail.noise = noise.data();
      tail.noise_step = s.noise == Noise::each ? s.H * s.W : 0;
    }
    if (s.noise == Noise::drawn) {
      for (int64_t n = 0; n < s.N; ++n) ids.push_back((int64_t(1) << 33) + 3 * n);
      tail.sample_ids = ids.data();
      tail.noise_key = 0x9123456789abcdefull;
    }
    if (s.parts == Parts::styled_alone) tail.y = nullptr;
    if (s.parts == Parts::fewest) {
      tail.demodulation = tail.bias = tail.next_style = tail.noise_strength = nullptr;
      tail.styled = nullptr;
      d.assign(d.size(), 1), b.assign(b.size(), 0), strength = 1;
    }
    if (!s.rgb) return;
    rgb_weight = numbers<float>(s.N * 3 * s.O), rgb_bias = numbers<float>(3);
    rgb = unwritten<float>(pixels * 3);
    tail.rgb_weight = rgb_weight.data(), tail.rgb_bias = rgb_bias.data(), tail.rgb = rgb.data();
    tail.rgb_clamp = 2.0f;
    if (s.parts == Parts::fewest) tail.rgb_bias = nullptr, rgb_bias.assign(3, 0);
    if (s.H % 2 || s.W % 2 || s.parts == Parts::fewest) return;
    skip = numbers<float>(pixels / 4 * 3);
    tail.skip = skip.data();
    const float taps[4] = {0.25f, 0.75f, 0.75f, 0.25f};
    for (int i = 0; i < 4; ++i) tail.skip_taps[i] = taps[i];
  }

  double noise_at(int64_t n, int64_t pixel) const {
    switch (s.noise) {
      case Noise::none: return 0;
      case Noise::shared: return noise[size_t(pixel)];
      case Noise::each: return noise[size_t(n * s.H * s.W + pixel)];
      case Noise::drawn: return counted(tail.noise_key, uint64_t(ids[size_t(n)]), pixel);
    }
    return 0;
  }

  double skip_at(int64_t n, int64_t i, int64_t j, int c) const {  // zeros between, then four taps
    double sum = 0;
    for (int k = 0; k < 4; ++k)
      for (int l = 0; l < 4; ++l) {
        const int64_t a = i - 2 + k, e = j - 2 + l;
        if (a < 0 || e < 0 || a >= s.H || e >= s.W || a % 2 || e % 2) continue;
        sum += double(tail.skip_taps[k]) * tail.skip_taps[l] *
               skip[size_t(((n * s.H / 2 + a / 2) * s.W / 2 + e / 2) * 3 + c)];
      }
    return sum;
  }

  // What a convolution gave at (n, pixel, channel) becomes what the kernel must have written.
  template <typename Convolved>
  void judge(const Convolved& convolved, double allowed) const {
    for (int64_t n = 0; n < s.N; ++n)
      for (int64_t pixel = 0; pixel < s.H * s.W; ++pixel) {
        double picture[3] = {};
        for (int64_t o = 0; o < s.O; ++o) {
          const size_t at = size_t((n * s.H * s.W + pixel) * s.O + o);
          double v = convolved(n, pixel / s.W, pixel % s.W, o) * d[size_t(n * s.O + o)] +
                     double(strength) * noise_at(n, pixel) + b[size_t(o)];
          v = (v < 0 ? 0.2 * v : v) * double(tail.gain);
          v = std::fmin(std::fmax(v, -1.5), 1.5);
          if (tail.y != nullptr) expect_near(double(float(y[at])), v, allowed, "y");
          if (tail.styled != nullptr)
            expect_near(double(float(styled[at])), v * style[size_t(n * s.O + o)], 2 * allowed,
                        "styled");
          const double kept = tail.y != nullptr ? double(float(y[at])) : v;
          for (int c = 0; s.rgb && c < 3; ++c)
            picture[c] += kept * rgb_weight[size_t((n * 3 + c) * s.O + o)];
        }
        for (int c = 0; s.rgb && c < 3; ++c) {
          double v = std::fmin(std::fmax(picture[c] + rgb_bias[size_t(c)], -2.0), 2.0);
          if (!skip.empty()) v += skip_at(n, pixel / s.W, pixel % s.W, c);
          expect_near(rgb[size_t((n * s.H * s.W + pixel) * 3 + c)], v, 1e-5, "rgb");
        }
      }
  }
};

template <typename T>
void style_epilogue(Real real, const Shape& s, double allowed) {
  Tailed<T> tailed(s);
  const auto x = numbers<T>(s.N * s.H * s.W * s.O);
  const steerx::StyleEpilogueParams p{real, x.data(), s.N, s.H, s.W, s.O, tailed.tail};
  if (steerx::style_epilogue_cuda(p, nullptr) != 0) {
    ++wrong;
    std::printf("style_epilogue: %s\n", simt::host::last_error());
    return;
  }
  tailed.judge(
      [&](int64_t n, int64_t i, int64_t j, int64_t o) {
        return double(float(x[size_t(((n * s.H + i) * s.W + j) * s.O + o)]));
      },
      allowed);
}

// The same numbers as the four phases of 2x2 blocks. What lies beyond the last row and column is
// NaN: nobody may look at it.
template <typename T>
std::vector<T> shuffled(const std::vector<T>& x, const Shape& s) {
  const int64_t h = s.H / 2 + 1, w = s.W / 2 + 1;
  std::vector<T> phases(size_t(s.N * h * w * 4 * s.O), T(std::nanf("")));
  for (int64_t n = 0; n < s.N; ++n)
    for (int64_t r = 0; r <= s.H; ++r)
      for (int64_t c = 0; c <= s.W; ++c)
        for (int64_t o = 0; o < s.O; ++o) {
          const int64_t to = (((n * h + r / 2) * w + c / 2) * 4 + r % 2 * 2 + c % 2) * s.O + o;
          phases[size_t(to)] = x[size_t(((n * (s.H + 1) + r) * (s.W + 1) + c) * s.O + o)];
        }
  return phases;
}

template <typename T>
void upsample_epilogue(Real real, const Shape& s, double allowed, bool as_phases = false) {
  Tailed<T> tailed(s);
  const auto x = numbers<T>(s.N * (s.H + 1) * (s.W + 1) * s.O, 0.5f);
  const auto given = as_phases ? shuffled(x, s) : x;
  steerx::UpsampleEpilogueParams p{real, given.data(), as_phases, s.N,        s.H,
                                   s.W,  s.O,          {},        tailed.tail};
  const float taps[4] = {0.2f, 0.7f, 0.8f, 0.3f};  // lopsided, so that a turned filter shows
  for (int i = 0; i < 4; ++i) p.taps[i] = taps[i];
  if (steerx::upsample_epilogue_cuda(p, nullptr) != 0) {
    ++wrong;
    std::printf("upsample_epilogue: %s\n", simt::host::last_error());
    return;
  }
  tailed.judge(
      [&](int64_t n, int64_t i, int64_t j, int64_t o) {
        double sum = 0;
        for (int k = 0; k < 4; ++k)
          for (int l = 0; l < 4; ++l) {
            const int64_t r = i - 1 + k, c = j - 1 + l;
            if (r < 0 || c < 0 || r > s.H || c > s.W) continue;
            sum += double(taps[k]) * taps[l] *
                   float(x[size_t(((n * (s.H + 1) + r) * (s.W + 1) + c) * s.O + o)]);
          }
        return sum;
      },
      allowed);
}

// A picture only where a pixel's packs are lanes of one warp, and never of an upsampling layer.
void pictures_are_refused() {
  using steerx::epilogue_makes_rgb;
  const bool made[] = {epilogue_makes_rgb(Real::float32, 4), epilogue_makes_rgb(Real::float16, 256),
                       !epilogue_makes_rgb(Real::float32, 24),
                       !epilogue_makes_rgb(Real::float16, 512),
                       !epilogue_makes_rgb(Real::float32, 3)};
  for (const bool right : made) {
    ++checked;
    if (!right && ++wrong) std::printf("wrong epilogue_makes_rgb\n");
  }
  Tailed<float> tailed({1, 2, 2, 24, Noise::none, true});
  const auto x = numbers<float>(4 * 9 * 24);
  const steerx::StyleEpilogueParams p{Real::float32, x.data(), 1, 2, 2, 24, tailed.tail};
  steerx::UpsampleEpilogueParams q{Real::float32, x.data(), false, 1, 2, 2, 24, {}, tailed.tail};
  ++checked;
  if (steerx::style_epilogue_cuda(p, nullptr) == 0 ||
      steerx::upsample_epilogue_cuda(q, nullptr) == 0)
    ++wrong, std::printf("a picture was not refused\n");
}

}  // namespace

int main() {
  const double fine = 2e-6, half = 2e-3, brain = 1.6e-2;
  pictures_are_refused();
  for (const Order order : {Order::forward, Order::reverse, Order::random}) {
    simt::host::set_order(order, 7);
    style_epilogue<float>(Real::float32, {2, 9, 5, 16, Noise::shared, true}, fine);
    style_epilogue<float>(Real::float32, {2, 10, 34, 64, Noise::each, true}, fine);
    style_epilogue<float>(Real::float32, {1, 2, 100, 3, Noise::drawn, false}, fine);
    style_epilogue<float>(Real::float32, {1, 1, 3, 1, Noise::none, false}, fine);
    style_epilogue<simt::Half>(Real::float16, {2, 4, 6, 24, Noise::drawn, false}, half);
    style_epilogue<simt::Half>(Real::float16, {1, 4, 6, 256, Noise::shared, true}, half);
    style_epilogue<simt::BFloat16>(Real::bfloat16, {1, 3, 70, 8, Noise::each, true}, brain);
    upsample_epilogue<float>(Real::float32, {2, 10, 6, 12, Noise::shared, false}, fine);
    upsample_epilogue<float>(Real::float32, {1, 18, 70, 16, Noise::each, false}, fine);
    upsample_epilogue<float>(Real::float32, {1, 2, 2, 5, Noise::drawn, false}, fine);
    upsample_epilogue<simt::Half>(Real::float16, {2, 4, 6, 40, Noise::none, false}, half);
    upsample_epilogue<simt::BFloat16>(Real::bfloat16, {1, 4, 2, 8, Noise::drawn, false}, brain);
    upsample_epilogue<float>(Real::float32, {2, 10, 6, 12, Noise::shared, false}, fine, true);
    upsample_epilogue<float>(Real::float32, {1, 2, 4, 5, Noise::drawn, false}, fine, true);
    upsample_epilogue<simt::Half>(Real::float16, {2, 4, 6, 40, Noise::none, false}, half, true);
    for (const Parts parts : {Parts::fewest, Parts::styled_alone}) {
      style_epilogue<float>(Real::float32, {2, 4, 6, 16, Noise::each, true, parts}, fine);
      style_epilogue<float>(Real::float32, {1, 3, 5, 7, Noise::none, false, parts}, fine);
      upsample_epilogue<float>(Real::float32, {1, 4, 6, 12, Noise::drawn, false, parts}, fine);
    }
    simt::host::set_most_blocks({simt::host::kAllBlocks.x, 2, 2});  // blocks stride down and on
    style_epilogue<float>(Real::float32, {5, 42, 3, 8, Noise::each, true}, fine);
    upsample_epilogue<float>(Real::float32, {5, 42, 4, 4, Noise::drawn, false}, fine);
    simt::host::set_most_blocks(simt::host::kAllBlocks);
  }
  std::printf("%d checks, %d wrong\n", checked, wrong);
  return wrong != 0;
}

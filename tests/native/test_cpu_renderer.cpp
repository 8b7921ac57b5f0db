// The CPU renderer's kernels, on every instruction set that this machine runs: the formulas in
// double within roundings, the same bits in any pieces and from two threads at once.
#include "steerx/cpu_epilogue.h"
#include "steerx/winograd.h"
#include "whole_tail.h"

namespace {

template <typename T>
int check_style(Isa isa, Real real, const Shape& s, double allowed) {
  const std::vector<T> x = stored<T>(numbers(s.N * s.H * s.W * s.O, 8));
  Floats first;
  int wrong = 0;
  for (const int64_t piece : {int64_t(1), int64_t(3), s.N * s.H + 1}) {
    WholeTail<T> whole(s, true);
    const StyleEpilogueParams p{real, x.data(), s.N, s.H, s.W, s.O, whole.tail};
    in_pieces(s.N * s.H, piece, piece == 3,
              [&](int64_t a, int64_t b, int64_t) { epilogue_cpu(isa).style(p, a, b); });
    wrong += whole.wrong(Doubles(x.begin(), x.end()), allowed);
    if (first.empty()) first = whole.rgb;
    wrong += !first.empty() && std::memcmp(first.data(), whole.rgb.data(), first.size() * 4) != 0;
  }
  WholeTail<T> whole(s, true);
  std::vector<uint8_t> pixels(first.size());
  whole.tail.rgb = nullptr, whole.tail.pixels = pixels.data();
  epilogue_cpu(isa).style({real, x.data(), s.N, s.H, s.W, s.O, whole.tail}, 0, s.N * s.H);
  wrong += wrong_pixels(first, pixels);
  // Nothing but a gain whose products end in ties.
  std::vector<T> y(x.size(), T(kNaN));
  Tail bare{};
  bare.slope = 1, bare.gain = 1.5f, bare.clamp = kNone, bare.y = y.data();
  epilogue_cpu(isa).style({real, x.data(), s.N, s.H, s.W, s.O, bare}, 0, s.N * s.H);
  for (size_t i = 0; i < x.size(); ++i) wrong += !(y[i] == T(static_cast<float>(x[i]) * 1.5f));
  return said(wrong, "style_epilogue", isa, s);
}

template <typename T>
int check_upsample(Isa isa, Real real, const Shape& s, bool shuffled, double allowed) {
  const int64_t H = s.H + 1, W = s.W + 1, h = s.H / 2 + 1, w = s.W / 2 + 1;
  const std::vector<T> plain = stored<T>(numbers(s.N * H * W * s.O, 9));
  std::vector<T> x =
      shuffled ? std::vector<T>(static_cast<size_t>(s.N * h * w * 4 * s.O), T(kNaN)) : plain;
  for (int64_t n = 0; n < s.N && shuffled; ++n)
    for (int64_t i = 0; i < H * W * s.O; ++i) {
      const int64_t r = i / s.O / W, c = i / s.O % W;
      x[((((n * h + r / 2) * w + c / 2) * 2 + r % 2) * 2 + c % 2) * s.O + i % s.O] =
          plain[n * H * W * s.O + i];
    }
  UpsampleEpilogueParams p{real, x.data(), shuffled, s.N, s.H, s.W, s.O, {0.2f, 0.8f, 0.7f, 0.3f},
                           {}};
  Doubles blurred;
  for (int64_t i = 0; i < s.N * s.H * s.W * s.O; ++i) {
    const int64_t pixel = i / s.O % (s.H * s.W), n = i / s.O / (s.H * s.W);
    double sum = 0;
    for (int a = 0; a < 4; ++a)
      for (int b = 0; b < 4; ++b) {
        const int64_t r = pixel / s.W - 1 + a, c = pixel % s.W - 1 + b;
        if (r < 0 || c < 0 || r >= H || c >= W) continue;
        sum += double(p.taps[a]) * p.taps[b] * plain[((n * H + r) * W + c) * s.O + i % s.O];
      }
    blurred.push_back(sum);
  }
  int wrong = 0;
  for (const int64_t piece : {int64_t(2), s.N * s.H + 1}) {
    WholeTail<T> whole(s, false);
    p.tail = whole.tail;
    in_pieces(s.N * s.H, piece, piece == 2,
              [&](int64_t a, int64_t b, int64_t) { epilogue_cpu(isa).upsample(p, a, b); });
    wrong += whole.wrong(blurred, allowed);
  }
  return said(wrong, shuffled ? "upsample_epilogue, shuffled" : "upsample_epilogue", isa, s);
}

// The matrix of the taps [points, taps], infinity last.
std::vector<Doubles> at_points(const Doubles& points, int taps) {
  std::vector<Doubles> rows;
  for (const double point : points) {
    double below = 1;
    for (const double other : points) below *= other == point ? 1 : point - other;
    Doubles row;
    for (int k = 0; k < taps; ++k) row.push_back(std::pow(point, k) / below);
    rows.push_back(row);
  }
  rows.push_back(Doubles(static_cast<size_t>(taps), 0));
  rows.back().back() = 1;
  return rows;
}

std::vector<Doubles> of_taps(WinogradForm form) {
  if (form == WinogradForm::plain) return at_points({0, 0.75, -0.75, 1.5, -1.5}, 3);
  std::vector<Doubles> rows;
  for (const Doubles& two : at_points({0, 1, -1, 2}, 2)) rows.push_back({two[1], 0, two[0]});
  rows.insert(rows.end(), 4, {0, 1, 0});
  return rows;
}

int check_winograd(Isa isa, WinogradForm form, const Shape& s, int64_t I) {
  const bool plain = form == WinogradForm::plain;
  const Floats x = numbers(s.N * s.H * s.W * I, 10), weight = numbers(s.O * I * 9, 11);
  const std::vector<Doubles> g = of_taps(form);
  Floats points(g.size() * g.size() * size_t(s.O * I));
  for (size_t a = 0; a < g.size(); ++a)
    for (size_t b = 0; b < g.size(); ++b)
      for (int64_t o = 0; o < s.O; ++o)
        for (int64_t i = 0; i < I; ++i) {
          double sum = 0;
          for (int k = 0; k < 9; ++k)
            sum += g[a][k / 3] * g[b][k % 3] * weight[(o * I + i) * 9 + k];
          const int64_t at =
              ((int64_t(a * g.size() + b) * (s.O / kPanel) + o / kPanel) * I + i) * kPanel;
          points[at + o % kPanel] = static_cast<float>(sum);
        }
  // The truth, every input pixel and tap to where it goes.
  const int64_t H = plain ? s.H : 2 * s.H + 1, W = plain ? s.W : 2 * s.W + 1;
  Doubles truth(static_cast<size_t>(s.N * H * W * s.O), 0);
  for (int64_t n = 0; n < s.N; ++n)
    for (int64_t pixel = 0; pixel < s.H * s.W; ++pixel)
      for (int k = 0; k < 9; ++k) {
        const int64_t row = pixel / s.W, column = pixel % s.W;
        const int64_t r = plain ? row + 1 - k / 3 : 2 * row + k / 3,
                      c = plain ? column + 1 - k % 3 : 2 * column + k % 3;
        if (r < 0 || c < 0 || r >= H || c >= W) continue;
        for (int64_t o = 0; o < s.O; ++o)
          for (int64_t i = 0; i < I; ++i)
            truth[((n * H + r) * W + c) * s.O + o] +=
                double(x[(n * s.H * s.W + pixel) * I + i]) * weight[(o * I + i) * 9 + k];
      }
  int wrong = 0;
  Floats first;
  const WinogradCpu kernel = winograd_cpu(isa);
  for (const int64_t piece : {int64_t(1), kernel.group, int64_t(1) << 20}) {
    WholeTail<float> whole(s, true);
    whole.tail.demodulation = nullptr, whole.tail.clamp = kNone, whole.tail.gain = 1;
    Floats z(truth.size(), kNaN);
    WinogradParams p{form, x.data(), points.data(), s.N, s.H, s.W, I, s.O, z.data(), {}};
    if (plain) {  // the convolution itself, and once the tail: y is then checked by its own rule
      p.tail = whole.tail, p.tail.noise = nullptr, p.tail.bias = nullptr, p.tail.slope = 1;
      p.tail.y = z.data();
    }
    const int64_t tiles = winograd_count(winograd_tiles(p)), most = piece < tiles ? piece : tiles;
    Floats rooms[2] = {Floats(size_t(kernel.room(p, most)) + 16, kNaN), {}};
    rooms[1] = rooms[0];
    in_pieces(tiles, most, piece == 1, [&](int64_t a, int64_t b, int64_t own) {
      float* at = rooms[own].data();
      at += (64 - reinterpret_cast<uintptr_t>(at) % 64) % 64 / sizeof(float);
      kernel.tiles(p, a, b, at);
    });
    for (size_t i = 0; i < truth.size(); ++i)
      wrong += !(std::fabs(z[i] - truth[i]) <= 2e-6 * std::sqrt(double(I)) * 30);
    for (int64_t i = 0; i < int64_t(truth.size()) && plain; ++i) {
      const float style = whole.style[i / s.O / (H * W) * s.O + i % s.O];
      wrong += whole.styled[i] != z[i] * style;
    }
    for (const float value : whole.rgb) wrong += plain && std::isnan(value);
    if (first.empty()) first = z;
    wrong += std::memcmp(first.data(), z.data(), z.size() * sizeof(float)) != 0;
  }
  return said(wrong, plain ? "winograd" : "winograd, transposed", isa, s);
}

// F(4x4, 3x3) with the whole tail: y, styled and the picture of the direct convolution.
int check_winograd_tail(Isa isa) {
  const Shape s{2, 6, 10, 32};
  Floats x = numbers(s.N * s.H * s.W * 16, 10), points(36 * 32 * 16, 0.0f);
  // A weight whose middle tap alone is not zero: output o is input o % 16.
  const std::vector<Doubles> g = of_taps(WinogradForm::plain);
  for (int64_t point = 0; point < 36; ++point)
    for (int64_t o = 0; o < 32; ++o)
      points[((point * 2 + o / 16) * 16 + o % 16) * 16 + o % 16] =
          static_cast<float>(g[point / 6][1] * g[point % 6][1]);
  Doubles truth;
  for (int64_t i = 0; i < s.N * s.H * s.W * s.O; ++i) truth.push_back(x[i / 32 * 16 + i % 16]);
  WholeTail<float> whole(s, true);
  WinogradParams p{WinogradForm::plain, x.data(), points.data(), s.N, s.H, s.W, 16, s.O, nullptr,
                   whole.tail};
  const int64_t tiles = winograd_count(winograd_tiles(p));
  Floats room(size_t(winograd_cpu(isa).room(p, tiles)) + 16);
  float* at = room.data();
  at += (64 - reinterpret_cast<uintptr_t>(at) % 64) % 64 / sizeof(float);
  winograd_cpu(isa).tiles(p, 0, tiles, at);
  std::vector<uint8_t> pixels(whole.rgb.size());
  p.tail.rgb = nullptr, p.tail.pixels = pixels.data();
  winograd_cpu(isa).tiles(p, 0, tiles, at);
  const int wrong = whole.wrong(truth, 1e-5) + wrong_pixels(whole.rgb, pixels);
  return said(wrong, "winograd with its tail", isa, s);
}

// Numbers in pieces are the numbers of one piece, and normal ones.
int check_noise() {
  Floats whole(4099), pieces(4099, kNaN);
  counted_noise_cpu(0x123456789abcdefull, 77, 0, 4099, whole.data());
  for (int64_t at = 0; at < 4099; at += 7)
    counted_noise_cpu(0x123456789abcdefull, 77, at, at + 7 < 4099 ? at + 7 : 4099, &pieces[at]);
  double mean = 0, square = 0;
  for (const float value : whole) mean += value / 4099, square += double(value) * value / 4099;
  const int wrong = std::memcmp(whole.data(), pieces.data(), whole.size() * 4) != 0 ||
                    std::fabs(mean) > 0.06 || std::fabs(square - 1) > 0.1;
  if (wrong) std::printf("counted_noise: wrong, mean %g, square %g\n", mean, square);
  return wrong;
}

}  // namespace

int main() {
  int wrong = check_noise(), ran = 0;
  for (int i = 0; i < kIsaCount; ++i) {
    const Isa isa = static_cast<Isa>(i);
    if (epilogue_cpu(isa).style == nullptr || !isa_runs(isa)) {
      std::printf("%s: not on this machine\n", isa_name(isa));
      continue;
    }
    ++ran;
    for (const Shape& s :
         {Shape{2, 4, 6, 16}, Shape{1, 3, 5, 7}, Shape{2, 2, 2, 33}, Shape{1, 1, 1, 1},
          Shape{1, 2, 4, 531}, Shape{0, 4, 4, 8}, Shape{2, 4, 4, 0}}) {
      wrong += check_style<float>(isa, Real::float32, s, 2e-6);
      wrong += check_style<BFloat16>(isa, Real::bfloat16, s, 8e-3);
      wrong += check_style<_Float16>(isa, Real::float16, s, 1e-3);
    }
    for (const Shape& s :
         {Shape{2, 4, 6, 16}, Shape{1, 2, 2, 5}, Shape{1, 6, 30, 261}, Shape{1, 2, 4, 1030}})
      for (const bool shuffled : {false, true}) {
        wrong += check_upsample<float>(isa, Real::float32, s, shuffled, 2e-6);
        wrong += check_upsample<BFloat16>(isa, Real::bfloat16, s, shuffled, 8e-3);
        wrong += check_upsample<_Float16>(isa, Real::float16, s, shuffled, 1e-3);
      }
    for (const WinogradForm form : {WinogradForm::plain, WinogradForm::transposed}) {
      wrong += check_winograd(isa, form, {2, 8, 12, 32}, 16);
      wrong += check_winograd(isa, form, {1, 7, 18, 48}, 32);
      wrong += check_winograd(isa, form, {3, 1, 1, 16}, 48);
    }
    wrong += check_winograd_tail(isa);
  }
  std::printf("%d instruction sets, %d wrong\n", ran, wrong);
  return wrong != 0 || ran == 0;
}

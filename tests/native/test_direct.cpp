// Convolutions for matrix units, on every instruction set that this machine runs and by the units
// themselves where it has them: the truth within a rounding, the same bits in any pieces.
#include <cstdlib>

#include "steerx/direct.h"
#include "whole_tail.h"

namespace {

using Bits = std::vector<uint16_t>;

// Numbers whose products' sums float32 holds exactly, in any order.
Bits few_bits(int64_t count, unsigned seed) {
  Bits values;
  for (const float value : numbers(count, seed))
    values.push_back(BFloat16(std::round(value * 16) / 16).bits);
  return values;
}

double number(uint16_t bits) {
  BFloat16 value;
  value.bits = bits;
  return value;
}

struct Tap {
  int row, column;
};

// The taps of a form's results, phase by phase, in the order that they are multiplied in.
std::vector<std::vector<Tap>> order_of(DirectForm form) {
  if (form == DirectForm::plain)
    return {{{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {1, 2}, {2, 0}, {2, 1}, {2, 2}}};
  return {{{0, 0}, {0, 2}, {2, 0}, {2, 2}}, {{0, 1}, {2, 1}}, {{1, 0}, {1, 2}}, {{1, 1}}};
}

// A weight [O, I, 3, 3] as the kernel takes it, at a multiple of 64 bytes behind the first.
Bits packed(DirectForm form, const Bits& weight, int64_t O, int64_t I) {
  Bits columns;
  for (int64_t o = 0; o < O; o += 32)
    for (const std::vector<Tap>& phase : order_of(form))
      for (int64_t i = 0; i < I; i += 32)
        for (const Tap& tap : phase)
          for (int64_t at = 0; at < 1024; ++at) {
            const int64_t output = o + at / 512 * 16 + at / 2 % 16;
            const int64_t input = i + at / 32 % 16 * 2 + at % 2;
            columns.push_back(weight[(output * I + input) * 9 + tap.row * 3 + tap.column]);
          }
  return columns;
}

// What the tail gets: the convolution, or the transposed one of stride 2 and its blur.
Doubles convolved(DirectForm form, const Bits& x, const Bits& weight, const Shape& s, int64_t I,
                  const float* taps) {
  const bool plain = form == DirectForm::plain;
  const int64_t h = plain ? s.H : s.H / 2, w = plain ? s.W : s.W / 2;  // of the input
  const int64_t H = plain ? s.H : s.H + 1, W = plain ? s.W : s.W + 1;  // before the blur
  Doubles z(static_cast<size_t>(s.N * H * W * s.O), 0);
  for (int64_t n = 0; n < s.N; ++n)
    for (int64_t pixel = 0; pixel < h * w; ++pixel)
      for (int k = 0; k < 9; ++k) {
        const int64_t row = pixel / w, column = pixel % w;
        const int64_t r = plain ? row + 1 - k / 3 : 2 * row + k / 3,
                      c = plain ? column + 1 - k % 3 : 2 * column + k % 3;
        if (r < 0 || c < 0 || r >= H || c >= W) continue;
        for (int64_t o = 0; o < s.O; ++o)
          for (int64_t i = 0; i < I; ++i)
            z[((n * H + r) * W + c) * s.O + o] +=
                number(x[(n * h * w + pixel) * I + i]) * number(weight[(o * I + i) * 9 + k]);
      }
  if (plain) return z;
  Doubles blurred(static_cast<size_t>(s.N * s.H * s.W * s.O), 0);
  for (int64_t i = 0; i < int64_t(blurred.size()); ++i)
    for (int k = 0; k < 16; ++k) {
      const int64_t pixel = i / s.O % (s.H * s.W), n = i / s.O / (s.H * s.W);
      const int64_t r = pixel / s.W - 1 + k / 4, c = pixel % s.W - 1 + k % 4;
      if (r >= 0 && c >= 0 && r < H && c < W)
        blurred[i] += double(taps[k / 4]) * taps[k % 4] * z[((n * H + r) * W + c) * s.O + i % s.O];
    }
  return blurred;
}

// Memory that ends where it says, at a multiple of 64 bytes.
struct Memory {
  void* at;

  explicit Memory(int64_t bytes) : at(std::aligned_alloc(64, size_t(bytes + 63) / 64 * 64)) {}
  Memory(const Memory&) = delete;
  ~Memory() { std::free(at); }
};

int check(Isa isa, bool units, DirectForm form, const Shape& s, int64_t I) {
  const bool plain = form == DirectForm::plain;
  const int64_t h = plain ? s.H : s.H / 2, w = plain ? s.W : s.W / 2;
  const Bits x = few_bits(s.N * h * w * I, 10), weight = few_bits(s.O * I * 9, 11);
  const Bits columns = packed(form, weight, s.O, I);
  const Memory aligned(int64_t(columns.size()) * 2);
  std::memcpy(aligned.at, columns.data(), columns.size() * 2);
  DirectParams p{form, x.data(), static_cast<const uint16_t*>(aligned.at),
                 s.N,  h,        w,
                 I,    s.O,      {0.25f, 0.75f, 0.75f, 0.25f},
                 {}};
  Doubles truth = convolved(form, x, weight, s, I, p.taps);
  for (double& value : truth) value /= 64;
  const DirectCpu kernel = direct_cpu(isa, units);
  std::vector<BFloat16> first;
  Floats first_rgb;
  int wrong = 0;
  WholeTail<BFloat16> whole(s, plain);
  Floats demodulation = whole.demodulation;
  for (float& value : demodulation) value /= 64;
  p.tail = whole.tail, p.tail.demodulation = demodulation.data();
  for (const auto& [rows, columns_of] :
       {std::pair{h, w}, {int64_t(1), int64_t(3)}, {int64_t(2), w}}) {
    std::fill(whole.y.begin(), whole.y.end(), BFloat16(kNaN));
    std::fill(whole.styled.begin(), whole.styled.end(), BFloat16(kNaN));
    std::fill(whole.rgb.begin(), whole.rgb.end(), kNaN);
    const Memory rooms[2] = {Memory(kernel.room(p, rows, columns_of)),
                             Memory(kernel.room(p, rows, columns_of))};
    const int64_t bands = (h + rows - 1) / rows, across = (w + columns_of - 1) / columns_of;
    const int64_t blocks = s.O / kDirectBlock, some = plain || rows > 1 ? blocks : 1;
    const int64_t shares = blocks / some;  // a picture needs all
    in_pieces(s.N * bands * across * shares, 1, rows == 1, [&](int64_t task, int64_t, int64_t own) {
      const int64_t place = task / shares, row = place / across % bands * rows;
      const int64_t column = place % across * columns_of;
      const DirectPiece piece{place / (bands * across),
                              row,
                              std::min(rows, h - row),
                              column,
                              std::min(columns_of, w - column),
                              task % shares * some,
                              some};
      kernel.piece(p, piece, rooms[own].at);
    });
    wrong += whole.wrong(truth, 8e-3);
    if (first.empty()) first = whole.y, first_rgb = whole.rgb;
    wrong += std::memcmp(first.data(), whole.y.data(), first.size() * 2) != 0;
    // Sums of a pixel are folded beside its neighbours', in one order.
    wrong += plain && std::memcmp(first_rgb.data(), whole.rgb.data(), first_rgb.size() * 4) != 0;
  }
  if (plain) {
    std::vector<uint8_t> pixels(first_rgb.size());
    p.tail.rgb = nullptr, p.tail.pixels = pixels.data();
    const Memory room(kernel.room(p, h, w));
    for (int64_t n = 0; n < s.N; ++n)
      kernel.piece(p, {n, 0, h, 0, w, 0, s.O / kDirectBlock}, room.at);
    wrong += wrong_pixels(first_rgb, pixels);
  }
  return said(wrong, units ? "direct, by matrix units" : "direct", isa, s);
}

int check_all(Isa isa, bool units) {
  int wrong = 0;
  for (const Shape& s : {Shape{1, 4, 4, 32}, Shape{2, 6, 10, 64}, Shape{1, 10, 38, 32}}) {
    wrong += check(isa, units, DirectForm::plain, s, 32);
    wrong += check(isa, units, DirectForm::upsampling, s, 32);
  }
  wrong += check(isa, units, DirectForm::plain, {1, 7, 5, 32}, 96);
  wrong += check(isa, units, DirectForm::plain, {2, 1, 1, 32}, 64);
  wrong += check(isa, units, DirectForm::upsampling, {1, 6, 2, 64}, 320);
  return wrong;
}

}  // namespace

int main() {
  int wrong = 0, ran = 0;
  for (int i = 0; i < kIsaCount; ++i) {
    const Isa isa = static_cast<Isa>(i);
    if (direct_cpu(isa, false).piece == nullptr || !isa_runs(isa)) {
      std::printf("%s: not on this machine\n", isa_name(isa));
      continue;
    }
    ++ran, wrong += check_all(isa, false);
  }
  if (direct_cpu(Isa::avx512, true).piece == nullptr)
    std::printf("matrix units: not on this machine\n");
  else
    ++ran, wrong += check_all(Isa::avx512, true);
  std::printf("%d ways, %d wrong\n", ran, wrong);
  return wrong != 0 || ran == 0;
}

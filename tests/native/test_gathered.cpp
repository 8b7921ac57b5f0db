// Convolutions by gathered rows, on every instruction set that this machine runs: the truth, in the
// same bits in any pieces and from two threads at once.
#include "steerx/gathered.h"
#include "whole_tail.h"

namespace {

int check(Isa isa, GatheredForm form, int64_t N, int64_t H, int64_t W, int64_t I, int64_t O) {
  const bool plain = form == GatheredForm::plain;
  const Floats x = numbers(N * H * W * I, 10), weight = numbers(O * I * 9, 11);
  // Phase by phase, panel by panel, tap by tap.
  const std::vector<std::vector<int>> taps =
      plain ? std::vector<std::vector<int>>{{0, 1, 2, 3, 4, 5, 6, 7, 8}}
            : std::vector<std::vector<int>>{{0, 2, 6, 8}, {1, 7}, {3, 5}, {4}};
  Floats packed;
  for (const std::vector<int>& phase : taps)
    for (int64_t panel = 0; panel < O / 16; ++panel)
      for (const int tap : phase)
        for (int64_t i = 0; i < I; ++i)
          for (int64_t o = panel * 16; o < panel * 16 + 16; ++o)
            packed.push_back(weight[(o * I + i) * 9 + tap]);
  const int64_t high = plain ? H : H + 1, wide = plain ? W : W + 1, phases = plain ? 1 : 4;
  Doubles truth(static_cast<size_t>(N * high * wide * phases * O), 0);
  for (int64_t n = 0; n < N; ++n)
    for (int64_t pixel = 0; pixel < H * W; ++pixel)
      for (int k = 0; k < 9; ++k) {
        int64_t r = pixel / W + 1 - k / 3, c = pixel % W + 1 - k % 3, phase = 0;
        if (!plain) {
          r = 2 * (pixel / W) + k / 3, c = 2 * (pixel % W) + k % 3;
          phase = r % 2 * 2 + c % 2, r /= 2, c /= 2;
        }
        if (r < 0 || c < 0 || r >= high || c >= wide) continue;
        for (int64_t o = 0; o < O; ++o)
          for (int64_t i = 0; i < I; ++i)
            truth[(((n * high + r) * wide + c) * phases + phase) * O + o] +=
                double(x[(n * H * W + pixel) * I + i]) * weight[(o * I + i) * 9 + k];
      }
  const GatheredCpu kernel = gathered_cpu(isa);
  int wrong = 0;
  Floats first;
  for (const int64_t groups : {int64_t(1), int64_t(2), int64_t(1) << 20}) {
    Floats z(truth.size(), kNaN);
    const GatheredParams p{form, x.data(), packed.data(), N, H, W, I, O, z.data()};
    const int64_t all = gathered_rows(p), piece = std::min(groups * kernel.group, all);
    for (int64_t phase = 0; phase < phases; ++phase)
      for (int64_t at = 0; at < all; at += piece) {
        const int64_t last = std::min(at + piece, all), depth = gathered_taps(form, phase) * I;
        const int64_t whole = (last - at + kernel.group - 1) / kernel.group * kernel.group;
        Floats rows(static_cast<size_t>(whole * depth), kNaN);
        in_pieces(last - at, kernel.group, groups == 2, [&](int64_t a, int64_t b, int64_t) {
          kernel.gather(p, phase, at + a, at + b, rows.data() + a * depth);
        });
        in_pieces(O / 16, groups == 1 ? 1 : 3, groups == 2, [&](int64_t a, int64_t b, int64_t) {
          kernel.multiply(p, phase, at, last, a, b, rows.data());
        });
      }
    for (size_t i = 0; i < truth.size(); ++i)
      wrong += !(std::fabs(z[i] - truth[i]) <= 1e-6 * 9 * double(I));
    if (first.empty()) first = z;
    wrong += std::memcmp(first.data(), z.data(), z.size() * sizeof(float)) != 0;
  }
  return said(wrong, plain ? "gathered" : "gathered, transposed", isa, {N, H, W, O});
}

}  // namespace

int main() {
  int wrong = 0, ran = 0;
  for (int i = 0; i < kIsaCount; ++i) {
    const Isa isa = static_cast<Isa>(i);
    if (gathered_cpu(isa).gather == nullptr || !isa_runs(isa)) continue;
    ++ran;
    for (const GatheredForm form : {GatheredForm::plain, GatheredForm::transposed}) {
      wrong += check(isa, form, 2, 4, 4, 16, 32);
      wrong += check(isa, form, 1, 7, 3, 48, 16);
      wrong += check(isa, form, 3, 1, 1, 32, 48);
    }
  }
  std::printf("%d instruction sets, %d wrong\n", ran, wrong);
  return wrong != 0 || ran == 0;
}

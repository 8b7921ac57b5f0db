// Binding of the private operator _winograd: a layer in float32 by minimal filtering. The bits do
// not depend on the pieces and bands that it is made in.
#include "steerx/winograd.h"

#include <torch/csrc/stable/library.h>

#include <algorithm>
#include <cstring>

#include "chosen_isa.h"
#include "drawn_noise.h"
#include "tasks.h"

namespace steerx {
namespace {

constexpr uintptr_t kLine = 64;
constexpr int64_t kBytesPerTask = 1 << 18;  // of a blur
constexpr int64_t kRows = 2 * kTileSide;    // of results that a row of tiles makes
constexpr int64_t kKept = 3;                // of them that the next row's blur reads

WinogradParams layer_of(WinogradForm form, const Tensor& x, const Tensor& weight) {
  const auto is_ours = [](const Tensor& t, int64_t dim) {
    return t.scalar_type() == ScalarType::Float && t.dim() == dim && t.is_contiguous() &&
           t.is_cpu();
  };
  STD_TORCH_CHECK(is_ours(x, 4), "_winograd: x must be float32 [N, H, W, I], contiguous");
  STD_TORCH_CHECK(is_ours(weight, 4) && weight.size(0) == winograd_points(form) &&
                      weight.size(2) == x.size(3) && weight.size(3) == kPanel &&
                      x.size(3) % kPanel == 0 && x.size(3) > 0,
                  "_winograd: weight must be float32 [points, O / 16, I, 16], contiguous");
  WinogradParams p{};
  p.form = form, p.x = x.const_data_ptr<float>(), p.weight = weight.const_data_ptr<float>();
  p.N = x.size(0), p.H = x.size(1), p.W = x.size(2), p.I = x.size(3);
  p.O = weight.size(1) * kPanel;
  return p;
}

float* floats_of(const char* name, Tensor& room) {
  STD_TORCH_CHECK(room.scalar_type() == ScalarType::Float && room.is_contiguous() && room.is_cpu(),
                  "_winograd: ", name, " must be float32, contiguous");
  return room.mutable_data_ptr<float>();
}

// The kernel, and memory for every thread that works on it.
class Work {
 public:
  Work(const WinogradParams& p, Tensor& room)
      : threads(threads_now()), kernel_(winograd_cpu(isa_chosen())), most_(kernel_.group) {
    const uintptr_t begin = reinterpret_cast<uintptr_t>(floats_of("room", room));
    const uintptr_t aligned = (begin + kLine - 1) / kLine * kLine;
    constexpr int64_t kFloats = kLine / sizeof(float);
    const int64_t given =
        room.numel() - static_cast<int64_t>(aligned - begin) / int64_t(sizeof(float));
    floats_ = reinterpret_cast<float*>(aligned), each_ = given / threads / kFloats * kFloats;
    STD_TORCH_CHECK(kernel_.room(p, most_) <= each_, "_winograd: room is too small");
    const int64_t all = winograd_count(winograd_tiles(p));
    while (most_ < all && kernel_.room(p, most_ + kernel_.group) <= each_) most_ += kernel_.group;
  }

  // Ranges of tiles, each in pieces of its own: one of fewer points costs less.
  struct Range {
    int64_t first, count;
  };
  template <size_t kRanges>
  void tiles(const WinogradParams& p, const Range (&ranges)[kRanges]) const {
    int64_t each[kRanges], all = 0;
    for (size_t i = 0; i < kRanges; ++i)
      each[i] = piece(ranges[i].count), all += (ranges[i].count + each[i] - 1) / each[i];
    in_tasks(threads, all, 1, [&](int64_t task, int64_t, int64_t own) {
      for (size_t i = 0; i < kRanges; ++i) {
        const auto [first, count] = ranges[i];
        const int64_t begin = first + task * each[i];
        if (begin < first + count) {
          kernel_.tiles(p, begin, std::min(begin + each[i], first + count), floats_ + own * each_);
          return;
        }
        task -= (count + each[i] - 1) / each[i];
      }
    });
  }

  const int64_t threads;

 private:
  // So many tiles that all threads have as many rounds; one alone has whole groups.
  int64_t piece(int64_t count) const {
    const int64_t round = threads * most_, group = threads > 1 ? 1 : kernel_.group;
    const int64_t shares = threads * std::max((count + round - 1) / round, int64_t{1});
    const int64_t share = std::max((count + shares - 1) / shares, int64_t{1});
    return (share + group - 1) / group * group;
  }

  const WinogradCpu kernel_;
  float* floats_;
  int64_t each_, most_;  // floats of one thread; tiles of a piece that they hold
};

// Where a row would lie, were all rows before it there too: nothing outside is touched.
float* without(float* memory, int64_t floats) {
  return reinterpret_cast<float*>(reinterpret_cast<uintptr_t>(memory) -
                                  static_cast<uintptr_t>(floats) * sizeof(float));
}

// A transposed convolution and its blur, in bands: whole samples, or rows of tiles of one, as many
// as z holds. A band is blurred while it lies in a cache.
void upsample(WinogradParams p, const Taps& blur, const Tail& tail, Tensor& room, Tensor& z) {
  float* const memory = floats_of("z", z);
  const WinogradTiles all = winograd_tiles(p);
  const int64_t high = 2 * p.H + 1, row = (2 * p.W + 1) * p.O, held = z.numel() / row;
  const int64_t samples = std::max(held / high, int64_t{1});
  const int64_t step = held < high ? (held - kKept - 1) / kRows : all.high;
  STD_TORCH_CHECK(step > 0, "_winograd: z is too small");
  UpsampleEpilogueParams q{Real::float32, nullptr, false, p.N, 2 * p.H, 2 * p.W, p.O, {}, tail};
  four_taps("blur", blur, q.taps);
  const Work work(p, room);
  const EpilogueCpu epilogue = epilogue_cpu(isa_chosen());
  const int64_t each = kBytesPerTask / (2 * p.W * p.O * int64_t(sizeof(float))) + 1;
  for (int64_t n = 0; n < p.N; n += samples) {
    const int64_t end = std::min(n + samples, p.N);
    int64_t kept = 0;  // the first row that z holds
    for (int64_t first = 0; first < all.high; first += step) {
      const int64_t last = std::min(first + step, all.high), lowest = last == all.high;
      if (first > 0) {
        const int64_t from = first * kRows - kKept;
        std::memmove(memory, memory + (from - kept) * row, size_t(kKept * row) * sizeof(float));
        kept = from;
      }
      p.z = without(memory, (n * high + kept) * row), q.x = p.z;
      const int64_t rows = (end - n - 1) * all.high + last - first;  // of tiles
      const int64_t below = all.inner, beside = below + all.below, corner = beside + all.beside;
      work.tiles(p, {{(n * all.high + first) * all.wide, rows * all.wide},
                     {below + n * all.wide, all.below > 0 ? lowest * (end - n) * all.wide : 0},
                     {beside + n * all.high + first, all.beside > 0 ? rows : 0},
                     {corner + n, all.corner > 0 ? lowest * (end - n) : 0}});
      const int64_t begin = n * q.H + (first > 0 ? first * kRows - kKept + 1 : 0);
      const int64_t stop = (end - 1) * q.H + (lowest ? q.H : last * kRows - kKept + 1);
      in_tasks(work.threads, stop - begin, each,
               [&](int64_t a, int64_t b, int64_t) { epilogue.upsample(q, begin + a, begin + b); });
    }
  }
}

void winograd_on_cpu(const Tensor& x, const Tensor& weight, Tensor room, Maybe z, Taps blur,
                     Maybe demodulation, Maybe bias, Maybe noise, Maybe sample_ids,
                     int64_t noise_key, Maybe noise_strength, double slope, double gain,
                     std::optional<double> clamp, Maybe next_style, Maybe rgb_weight,
                     Maybe rgb_bias, std::optional<double> rgb_clamp, Maybe skip, Taps skip_taps,
                     Maybe y, Maybe styled, Maybe rgb) {
  const bool up = blur.has_value();
  WinogradParams p = layer_of(up ? WinogradForm::transposed : WinogradForm::plain, x, weight);
  STD_TORCH_CHECK(z.has_value() == up, "_winograd: z goes with a blur");
  STD_TORCH_CHECK(!rgb.has_value() || !up, "_winograd: rgb goes with no blur");
  const TailArguments arguments{
      demodulation, bias, noise,     sample_ids, noise_key,  noise_strength,
      slope,        gain, clamp,     next_style, rgb_weight, rgb_bias,
      rgb_clamp,    skip, skip_taps, y,          styled,     rgb};
  const int64_t side = up ? 2 : 1;
  p.tail = arguments.tail(x, p.N, side * p.H, side * p.W, p.O);
  // The other sizes may be beyond counting.
  if (p.N == 0 || p.H == 0 || p.W == 0 || p.O == 0) return;
  const Maybe drawn = draw_noise(p.tail, x, p.N, side * p.H, side * p.W);
  if (up)
    upsample(p, blur, p.tail, room, *z);
  else
    Work(p, room).tiles(p, {{0, winograd_count(winograd_tiles(p))}});
}

}  // namespace
}  // namespace steerx

STABLE_TORCH_LIBRARY_IMPL(steerx, CPU, m) {
  m.impl("_winograd", TORCH_BOX(&steerx::winograd_on_cpu));
}

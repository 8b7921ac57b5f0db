// filtered_lrelu on every instruction set that this machine runs: the truth of the formula, in the
// same bits in any pieces, by two threads at once, and for a sample by itself.
#include "steerx/filtered_lrelu.h"
#include "whole_tail.h"

namespace {

struct Case {
  int64_t N, C, H, W, up, down, left, right, top, bottom, first, last;
  bool square_first, square_last;
};

const Case kCases[] = {
    {1, 3, 9, 7, 2, 2, 11, 10, 9, 12, 12, 12, false, false},
    {2, 17, 5, 4, 4, 2, 20, 23, 22, 21, 24, 12, false, false},
    {1, 33, 6, 21, 2, 2, 10, 11, 10, 11, 12, 12, false, true},
    {2, 5, 8, 6, 3, 1, 1, 2, 0, -2, 3, 2, true, true},
    {1, 16, 7, 11, 2, 3, -3, 9, 8, -1, 5, 4, true, false},
    {3, 2, 4, 5, 4, 1, 3, 0, 0, 3, 2, 1, false, false},  // phases that no tap falls on
    {1, 20, 6, 6, 1, 1, 0, 0, 0, 0, 1, 1, false, false},
    {1, 4, 3, 3, 1, 4, 4, 5, 5, 4, 3, 1, false, false},  // results that skip rows
    {1, 1, 2, 2, 2, 2, 30, 30, 30, 30, 6, 6, false, false},
};

int64_t at(const Case& c, bool channels_last, int64_t n, int64_t o, int64_t h, int64_t w, int64_t H,
           int64_t W) {
  return channels_last ? ((n * H + h) * W + w) * c.C + o : ((n * c.C + o) * H + h) * W + w;
}

template <typename T>
double tap(const std::vector<T>& taps, int64_t t, bool square, double gain, int64_t i, int64_t k) {
  return square ? taps[i * t + k] : taps[i] * double(taps[k]) / gain;
}

template <typename T>
int check(Isa isa, const Case& c, bool channels_last) {
  const auto drawn = [](int64_t count, unsigned seed) { return stored<T>(numbers(count, seed)); };
  const auto area = [](int64_t t, bool square) { return square ? t * t : t; };
  const std::vector<T> x = drawn(c.N * c.C * c.H * c.W, 1), bias = drawn(c.C, 2);
  const std::vector<T> across = drawn(area(c.first, c.square_first), 3);
  const std::vector<T> last = drawn(area(c.last, c.square_last), 4);
  std::vector<T> rows = across;
  const double gain = c.square_first ? 1 : 4;
  for (T& value : rows) value *= static_cast<T>(gain);
  const int64_t high = c.H * c.up + c.top + c.bottom - c.first + 1;
  const int64_t wide = c.W * c.up + c.left + c.right - c.first + 1;
  const int64_t H = (high - c.last) / c.down + 1, W = (wide - c.last) / c.down + 1;

  Doubles truth(static_cast<size_t>(c.N * c.C * H * W), 0);
  Doubles middle(static_cast<size_t>(high * wide), 0);
  for (int64_t n = 0; n < c.N; ++n)
    for (int64_t o = 0; o < c.C; ++o) {
      for (int64_t r = 0; r < high; ++r)
        for (int64_t s = 0; s < wide; ++s) {
          double sum = 0;
          for (int64_t i = 0; i < c.first; ++i)
            for (int64_t k = 0; k < c.first; ++k) {
              const int64_t h = r + i - c.top, w = s + k - c.left;
              if (h < 0 || w < 0 || h % c.up || w % c.up || h / c.up >= c.H || w / c.up >= c.W)
                continue;
              sum += tap(rows, c.first, c.square_first, gain, i, k) *
                     (double(x[at(c, channels_last, n, o, h / c.up, w / c.up, c.H, c.W)]) +
                      double(bias[o]));
            }
          sum = (sum < 0 ? 0.25 * sum : sum) * 1.5;
          middle[r * wide + s] = std::min(std::max(sum, -2.0), 2.0);
        }
      for (int64_t r = 0; r < H; ++r)
        for (int64_t s = 0; s < W; ++s)
          for (int64_t i = 0; i < c.last; ++i)
            for (int64_t k = 0; k < c.last; ++k)
              truth[at(c, channels_last, n, o, r, s, H, W)] +=
                  tap(last, c.last, c.square_last, 1, i, k) *
                  middle[(r * c.down + i) * wide + s * c.down + k];
    }

  const FilteredLreluCpu kernel = filtered_lrelu_cpu(isa);
  FilteredLreluParams p{};
  p.real = sizeof(T) == sizeof(double) ? Real::float64 : Real::float32;
  p.channels_last = channels_last;
  p.x = x.data(), p.bias = bias.data(), p.N = c.N, p.C = c.C, p.H = c.H, p.W = c.W;
  p.first = {rows.data(), c.square_first ? nullptr : across.data(), c.first};
  p.last = {last.data(), c.square_last ? nullptr : last.data(), c.last};
  p.up = c.up, p.down = c.down, p.left = c.left, p.top = c.top;
  p.slope = 0.25, p.gain = 1.5, p.clamp = 2, p.rows = H, p.columns = W;
  const auto made = [&](int64_t row_step, int64_t column_step, bool two) {
    std::vector<T> y(truth.size(), T(kNaN));
    FilteredLreluParams of = p;
    of.y = y.data();
    const int64_t bands = (H + row_step - 1) / row_step, cuts = (W + column_step - 1) / column_step;
    const int64_t bytes = (kernel.room(p, column_step) + 63) / 64 * 64;
    void* rooms[2] = {std::aligned_alloc(64, static_cast<size_t>(bytes)),
                      std::aligned_alloc(64, static_cast<size_t>(bytes))};
    for (void* room : rooms) std::memset(room, 0xff, static_cast<size_t>(bytes));  // NaN
    in_pieces(kernel.groups(p) * bands * cuts, 1, two, [&](int64_t task, int64_t, int64_t own) {
      const int64_t row = task / cuts % bands * row_step, column = task % cuts * column_step;
      kernel.piece(of,
                   {task / (bands * cuts), row, std::min(row_step, H - row), column,
                    std::min(column_step, W - column)},
                   rooms[own]);
    });
    for (void* room : rooms) std::free(room);
    return y;
  };
  const std::vector<T> whole = made(H, W, false);
  int wrong = 0;
  const double allowed = p.real == Real::float64 ? 1e-13 : 1e-5;
  for (size_t i = 0; i < truth.size(); ++i)
    wrong += !(std::fabs(whole[i] - truth[i]) <= allowed * double(c.last * c.last));
  for (const int64_t step : {1, 2, 5}) {
    const std::vector<T> cut = made(step, 3 * step, true);
    wrong += std::memcmp(cut.data(), whole.data(), whole.size() * sizeof(T)) != 0;
  }
  return said(wrong, channels_last ? "filtered_lrelu, channels last" : "filtered_lrelu", isa,
              {c.N, c.H, c.W, c.C});
}

}  // namespace

int main() {
  int wrong = 0, ran = 0;
  for (int i = 0; i < kIsaCount; ++i) {
    const Isa isa = static_cast<Isa>(i);
    if (filtered_lrelu_cpu(isa).piece == nullptr || !isa_runs(isa)) continue;
    ++ran;
    for (const Case& c : kCases)
      for (const bool channels_last : {false, true}) {
        wrong += check<float>(isa, c, channels_last);
        wrong += check<double>(isa, c, channels_last);
      }
  }
  std::printf("%d instruction sets, %d wrong\n", ran, wrong);
  return wrong != 0 || ran == 0;
}

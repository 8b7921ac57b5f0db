// Compiled once per instruction set (STEERX_ISA). A call owns whole rows of the result; per pixel
// it walks the channels in lanes, so what a pixel shares is made once and the picture's three sums
// stay in registers. After a transposed convolution a piece of a row is blurred downwards into a
// buffer that stays in L1, then across into the tail. Bound: bytes. x is read and each output
// written once (a row of x comes four times, three of them from L2); all else is in L1.
// bench/bench_cpu_renderer.py
#include "steerx/cpu_epilogue.h"
#include "steerx/cpu_tail.h"

namespace steerx {
namespace STEERX_ISA {
namespace {

constexpr int64_t kBuffer = 8192;  // floats of a piece of a blurred row: 32 KB
constexpr int kTaps = 4;

// One pixel; `source(o, count)` gives the convolution's values of channels o ... o + count - 1.
template <typename T, typename Source>
STEERX_INLINE void pixel_tail(const SampleTail<T>& tail, int64_t pixel, int64_t first, int64_t last,
                              const Source& source, Lanes* sums) {
  const float shift = tail.shift(pixel);
  Lanes sum[kPictureChannels] = {};
  int64_t o = first;
  for (; o + kLanes <= last; o += kLanes)
    tail.template channels<true>(source(o, kLanes), shift, pixel, o, kLanes, sum);
  const int rest = static_cast<int>(last - o);
  if (rest > 0) tail.template channels<false>(source(o, rest), shift, pixel, o, rest, sum);
  for (int c = 0; c < kPictureChannels && sums != nullptr; ++c) sums[c] = sum[c];
}

template <typename T>
void style_rows(const StyleEpilogueParams& p, int64_t first, int64_t last) {
  Lanes sums[kLanes][kPictureChannels] = {};
  for (int64_t at = first; at < last; ++at) {
    const int64_t row = at % p.H;
    const SampleTail<T> tail(p.tail, at / p.H, p.H, p.W, p.O);
    for (int64_t column = 0; column < p.W; column += kLanes) {
      const int some = p.W - column < kLanes ? static_cast<int>(p.W - column) : kLanes;
      for (int i = 0; i < some; ++i) {
        const T* from = static_cast<const T*>(p.x) + (at * p.W + column + i) * p.O;
        const auto source = [&](int64_t o, int count) {
          return count == kLanes ? load(from + o) : load(from + o, count);
        };
        pixel_tail(tail, row * p.W + column + i, 0, p.O, source, sums[i]);
      }
      if (tail.pictured()) tail.group(sums, row, column, 1, some, some);
    }
  }
}

// The rows of what a transposed convolution gave that a row of the result is blurred from.
template <typename T>
struct Above {
  const bool shuffled;
  const int64_t O;
  const T* from[kTaps];  // those inside; rows outside are zero
  float tap[kTaps];
  int rows = 0;

  Above(const UpsampleEpilogueParams& p, int64_t n, int64_t row) : shuffled(p.shuffled), O(p.O) {
    const int64_t high = p.H / 2 + 1, wide = p.W / 2 + 1;
    const int64_t pixels = shuffled ? high * wide * 4 : (p.H + 1) * (p.W + 1);
    const T* sample = static_cast<const T*>(p.x) + n * pixels * O;
    for (int t = 0; t < kTaps; ++t) {
      const int64_t r = row - 1 + t;
      if (r < 0 || r > p.H) continue;
      from[rows] = sample + (shuffled ? r / 2 * wide * 4 + r % 2 * 2 : r * (p.W + 1)) * O;
      tap[rows++] = p.taps[t];
    }
  }

  // Channels first ... last - 1 of one column, blurred downwards.
  STEERX_MEMBER void down(int64_t column, int64_t first, int64_t last, float* to) const {
    const int64_t at = (shuffled ? column / 2 * 4 + column % 2 : column) * O;
    int64_t o = first;
    if (rows == kTaps) {
      const T *a = from[0] + at, *b = from[1] + at, *c = from[2] + at, *d = from[3] + at;
      for (; o + kLanes <= last; o += kLanes)
        store(to + o - first, tap[0] * load(a + o) + tap[1] * load(b + o) + tap[2] * load(c + o) +
                                  tap[3] * load(d + o));
    }
    for (; o < last; o += kLanes) {
      const int count = last - o < kLanes ? static_cast<int>(last - o) : kLanes;
      Lanes sum = {};
      for (int t = 0; t < rows; ++t) sum += tap[t] * load(from[t] + at + o, count);
      store(to + o - first, sum, count);
    }
  }
};

template <typename T>
void upsample_rows(const UpsampleEpilogueParams& p, int64_t first_row, int64_t last_row) {
  constexpr int64_t kMostChannels = 512;
  alignas(64) float buffer[kBuffer];
  for (int64_t at = first_row; at < last_row; ++at) {
    const int64_t n = at / p.H, row = at % p.H;
    const SampleTail<T> tail(p.tail, n, p.H, p.W, p.O);
    const Above<T> x(p, n, row);
    for (int64_t first = 0; first < p.O; first += kMostChannels) {
      const int64_t last = p.O - first < kMostChannels ? p.O : first + kMostChannels;
      const int64_t step = last - first, columns = kBuffer / step - (kTaps - 1);
      for (int64_t begin = 0; begin < p.W; begin += columns) {
        const int64_t end = p.W - begin < columns ? p.W : begin + columns;
        for (int64_t c = begin - 1; c < end + 2; ++c) {  // columns outside are zero
          float* to = buffer + (c - begin + 1) * step;
          if (c >= 0 && c <= p.W)
            x.down(c, first, last, to);
          else
            for (int64_t o = 0; o < step; ++o) to[o] = 0.0f;
        }
        for (int64_t column = begin; column < end; ++column) {
          const float* from = buffer + (column - begin) * step - first;
          const auto source = [&](int64_t o, int count) {
            Lanes sum = {};
            for (int t = 0; t < kTaps; ++t) {
              const float* tapped = from + t * step + o;
              sum += p.taps[t] * (count == kLanes ? load(tapped) : load(tapped, count));
            }
            return sum;
          };
          pixel_tail(tail, row * p.W + column, first, last, source, nullptr);
        }
      }
    }
  }
}

void style(const StyleEpilogueParams& p, int64_t first, int64_t last) {
  if (p.real == Real::float32) style_rows<float>(p, first, last);
  if (p.real == Real::bfloat16) style_rows<BFloat16>(p, first, last);
  if (p.real == Real::float16) style_rows<Half>(p, first, last);
}

void upsample(const UpsampleEpilogueParams& p, int64_t first, int64_t last) {
  if (p.real == Real::float32) upsample_rows<float>(p, first, last);
  if (p.real == Real::bfloat16) upsample_rows<BFloat16>(p, first, last);
  if (p.real == Real::float16) upsample_rows<Half>(p, first, last);
}

}  // namespace

EpilogueCpu epilogue() { return {style, upsample}; }

}  // namespace STEERX_ISA

#ifdef STEERX_TABLE
#if defined(__x86_64__)
namespace avx2 {
EpilogueCpu epilogue();
}
namespace avx512 {
EpilogueCpu epilogue();
}
#endif

EpilogueCpu epilogue_cpu(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx2) return avx2::epilogue();
  if (isa == Isa::avx512) return avx512::epilogue();
#endif
  return isa == Isa::baseline ? STEERX_ISA::epilogue() : EpilogueCpu{nullptr, nullptr};
}
#endif

}  // namespace steerx

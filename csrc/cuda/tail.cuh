// The tail of a style_layer as a walk: a thread owns one pack of channels of one column and goes
// down a strip of rows, so its demodulation, bias and styles stay in registers. 256 neighbouring
// packs of a row are one block. What a pixel's threads share, its noise, is made once in shared
// memory. Bound: bytes. x is read and each output written once, 16 bytes at a time where rows and
// pointers allow it, else one element; all else comes from registers and caches.
#pragma once
#include "counted_noise.cuh"
#include "simt/simt.h"
#include "steerx/tail.h"

namespace steerx {

constexpr int kTailThreads = 256;
constexpr int kTailBlocks = 2;  // on one multiprocessor at least: up to 128 registers a thread
constexpr int kTailRows = 8;    // of a strip

template <typename T, int kWidth>
struct alignas(sizeof(T) * kWidth) TailPack {
  T lane[kWidth];
};

// NaN passes.
SIMT_DEVICE float clamped(float value, float limit) {
  return value > limit ? limit : value < -limit ? -limit : value;
}

SIMT_DEVICE bool tail_noisy(const Tail& tail) {
  return tail.noise != nullptr || tail.sample_ids != nullptr;
}

// Noise of a pixel of sample n, given or drawn.
SIMT_DEVICE float noise_at(const Tail& tail, int64_t n, int64_t pixel) {
  return tail.sample_ids != nullptr
             ? counted_normal(tail.noise_key, static_cast<uint64_t>(tail.sample_ids[n]), pixel)
             : tail.noise[n * tail.noise_step + pixel];
}

// Noise times strength of the pixels of a block's strip, by one thread each.
struct StripNoise {
  float (*kept)[kTailThreads + 1];  // [row][column - first column]

  SIMT_DEVICE void fill(const Tail& tail, int64_t n, int64_t row, int64_t rows, int64_t column,
                        int64_t columns, int64_t W) const {
    if (!tail_noisy(tail)) return;
    const float strength = tail.noise_strength == nullptr ? 1.0f : *tail.noise_strength;
    for (int64_t i = threadIdx.x; i < rows * columns; i += kTailThreads) {
      const int64_t r = i / columns, c = i % columns, pixel = (row + r) * W + column + c;
      kept[r][c] = strength * noise_at(tail, n, pixel);
    }
  }
};

// The picture at twice its size at one pixel: two taps of four fall on pixels in each direction.
SIMT_DEVICE float doubled(const Tail& tail, int64_t n, int64_t y, int64_t x, int channel, int64_t H,
                          int64_t W) {
  const int64_t h = H / 2, w = W / 2, top = (y + 1) / 2 - 1, left = (x + 1) / 2 - 1;
  float sum = 0;
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 2; ++j) {
      const int64_t from_y = top + i, from_x = left + j;
      if (from_y < 0 || from_y >= h || from_x < 0 || from_x >= w) continue;
      sum += tail.skip_taps[y % 2 + 2 * i] * tail.skip_taps[x % 2 + 2 * j] *
             tail.skip[((n * h + from_y) * w + from_x) * kPictureChannels + channel];
    }
  return sum;
}

// One pack of a pixel through the tail: y and styled at pack `at` of theirs, and in `value` y as it
// was rounded.
template <typename T, int kWidth>
SIMT_DEVICE void finish_pack(const Tail& tail, const float (&scale)[kWidth],
                             const float (&bias)[kWidth], const float (&style)[kWidth], float shift,
                             bool inside, int64_t at, float (&value)[kWidth]) {
  TailPack<T, kWidth> y, styled;
#pragma unroll
  for (int l = 0; l < kWidth; ++l) {
    const float sum = value[l] * scale[l] + shift + bias[l];
    y.lane[l] = static_cast<T>(clamped((sum < 0 ? sum * tail.slope : sum) * tail.gain, tail.clamp));
    value[l] = static_cast<float>(y.lane[l]);
    styled.lane[l] = static_cast<T>(value[l] * style[l]);
  }
  if (inside && tail.y != nullptr) static_cast<TailPack<T, kWidth>*>(tail.y)[at] = y;
  if (inside && tail.styled != nullptr) static_cast<TailPack<T, kWidth>*>(tail.styled)[at] = styled;
}

// One number of the picture [N, H, W, 3], at `pixel` of it, from the sum over a pixel's channels.
SIMT_DEVICE void finish_picture(const Tail& tail, float sum, int64_t pixel, int64_t n, int64_t y,
                                int64_t x, int channel, int64_t H, int64_t W) {
  sum = clamped(sum + (tail.rgb_bias == nullptr ? 0.0f : tail.rgb_bias[channel]), tail.rgb_clamp);
  if (tail.skip != nullptr) sum += doubled(tail, n, y, x, channel, H, W);
  tail.rgb[pixel * kPictureChannels + channel] = sum;
}

// Source gives a thread its convolution's values: Source(params, n, pack, column) for a column,
// then .start(row) and .next(values) for one row after the other.
template <typename T, int kWidth, bool kRgb, typename Params, typename Source>
SIMT_DEVICE void walk_tail(const Params& p, float (*noise_kept)[kTailThreads + 1]) {
  const Tail& tail = p.tail;
  const StripNoise noise{noise_kept};
  const int64_t packs = p.O / kWidth, row_packs = p.W * packs;
  const int64_t first = int64_t(blockIdx.x) * kTailThreads, own = first + threadIdx.x;
  const bool inside = own < row_packs;
  const int64_t column = own / packs, pack = own % packs, first_column = first / packs;
  const int64_t last = (first + kTailThreads < row_packs ? first + kTailThreads : row_packs) - 1;
  const int64_t columns = last / packs - first_column + 1;
  const bool noisy = tail_noisy(tail);

  float bias[kWidth];
#pragma unroll
  for (int l = 0; l < kWidth; ++l)
    bias[l] = inside && tail.bias != nullptr ? tail.bias[pack * kWidth + l] : 0.0f;

  for (int64_t n = blockIdx.z; n < p.N; n += gridDim.z) {
    float scale[kWidth], style[kWidth];
#pragma unroll
    for (int l = 0; l < kWidth; ++l) {
      const int64_t at = n * p.O + pack * kWidth + l;
      scale[l] = inside && tail.demodulation != nullptr ? tail.demodulation[at] : 1.0f;
      style[l] = inside && tail.next_style != nullptr ? tail.next_style[at] : 1.0f;
    }
    for (int64_t row = int64_t(blockIdx.y) * kTailRows; row < p.H;
         row += int64_t(gridDim.y) * kTailRows) {
      const int64_t rows = p.H - row < kTailRows ? p.H - row : kTailRows;
      noise.fill(tail, n, row, rows, first_column, columns, p.W);
      __syncthreads();
      Source source(p, n, pack, column, inside);
      source.start(row);
      for (int64_t r = 0; r < rows; ++r) {
        float value[kWidth];
        source.next(value);
        const float shift = noisy && inside ? noise.kept[r][column - first_column] : 0.0f;
        const int64_t pixel = (n * p.H + row + r) * p.W + column;
        finish_pack<T, kWidth>(tail, scale, bias, style, shift, inside, pixel * packs + pack,
                               value);
        if constexpr (kRgb) {
#pragma unroll
          for (int c = 0; c < kPictureChannels; ++c) {
            const float* weight =
                tail.rgb_weight + (n * kPictureChannels + c) * p.O + pack * kWidth;
            float sum = 0;
#pragma unroll
            for (int l = 0; l < kWidth; ++l) sum += inside ? value[l] * weight[l] : 0.0f;
            for (int step = int(packs) / 2; step > 0; step /= 2)  // in one order: repeatable
              sum += __shfl_xor_sync(~0u, sum, step);
            if (inside && pack == 0)
              finish_picture(tail, sum, pixel, n, row + r, column, c, p.H, p.W);
          }
        }
      }
      __syncthreads();  // the next strip's noise waits for the last reader of this one's
    }
  }
}

inline bool tail_aligned(const void* pointer) {
  return reinterpret_cast<uintptr_t>(pointer) % 16 == 0;
}

// Whether packs of 16 bytes fit the rows and the pointers of a tail.
template <typename T>
bool tail_takes_packs(const void* x, int64_t O, const Tail& tail) {
  return O % (16 / int64_t(sizeof(T))) == 0 && tail_aligned(x) && tail_aligned(tail.y) &&
         tail_aligned(tail.styled);
}

// A pixel's packs must be a power of two of lanes of one warp for the picture's share.
inline bool tail_reduces(int64_t packs) { return packs <= 32 && (packs & (packs - 1)) == 0; }

template <typename Params>
dim3 tail_grid(const Params& p, int width) {
  constexpr int64_t kMostY = 65535, kMostZ = 65535;  // beyond them a block strides
  const int64_t x = (p.W * (p.O / width) + kTailThreads - 1) / kTailThreads;
  const int64_t y = (p.H + kTailRows - 1) / kTailRows;
  return dim3(static_cast<unsigned>(x), static_cast<unsigned>(y < kMostY ? y : kMostY),
              static_cast<unsigned>(p.N < kMostZ ? p.N : kMostZ));
}

}  // namespace steerx

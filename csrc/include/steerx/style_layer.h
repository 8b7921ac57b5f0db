// style_layer: one modulated layer in one kernel, from its plain input to everything that the tail
// makes of its output. For layers of few channels, which memory bounds.
//
//   y = tail(conv(x * s', W') * d)            W' [O, I, 3, 3], padding 1;
//   y = tail(blur(conv_up(x * s', W')) * d)   with up = 2: a stride-2 transposed convolution that
//                                             takes W' unflipped, then the blur of four taps.
//
// Style and weight are scaled so that no number overflows: s' = s / max|s| of each sample and
// W' = W / b, b >= max|W| of each output channel (1 where all are 0). The scales cancel in the
// demodulation d = rsqrt((s' * s') @ (sum_k W'^2)^T + eps / (max|s| b)^2), which therefore
// must be given wherever s' and W' were scaled. As |s'| <= 1, x * s', which is rounded to T, is
// no larger than x; sums are float32.
//
// Layout of the weight: [O][3][3][I], input channels innermost; with i the input channel, row and
// column the tap as the convolution (up = 1: correlation) indexes it,
//   packed[((o * 3 + row) * 3 + column) * I + i] = W'[o][i][row][column],
// what torch calls W' in memory format channels_last. It is the same for up = 1 and up = 2.
#pragma once
#include <cstdint>

#include "steerx/real.h"
#include "steerx/tail.h"

namespace steerx {

// Everything is contiguous and on the device; x, weight, style, y and styled begin at multiples of
// 16 bytes.
struct StyleLayerParams {
  Real real;           // float16 or bfloat16
  const void* x;       // [N, H / up, W / up, I]  T
  const float* style;  // s' [N, I]; null = x is x * s' already
  const void* weight;  // W' [O, 3, 3, I]  T
  int up;              // 1, or 2: H and W are even, and no picture is made
  int64_t N, H, W, I, O;
  float taps[4];   // with up = 2: of the blur in one direction, symmetric, gain included
  int64_t blocks;  // most blocks of the grid, which stride over the rest; 0 = the launcher's choice
  Tail tail;
};

// Whether these channels have a kernel: 16-bit, I and O multiples of 8; without upsampling O <= 64,
// so that a block holds all channels of its pixels.
bool style_layer_fits(Real real, int64_t I, int64_t O, int up);

// Returns a CUDA status (0 = success); takes a stream, never waits, never allocates, accepts empty
// input. Refuses (invalid value) what does not fit or is not aligned. Needs sm_80 (cp.async).
int style_layer_cuda(const StyleLayerParams& p, void* stream);

}  // namespace steerx

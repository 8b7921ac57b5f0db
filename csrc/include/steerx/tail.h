// What follows a convolution in a style_layer, and what else can be made of its result in the same
// pass: y = clamp(gain * lrelu(x * d + strength * noise + b)), y times the next style, and its
// share of the picture. [N, H, W, O] is the size of y, channels last.
#pragma once
#include <cstdint>

namespace steerx {

constexpr int kPictureChannels = 3;

// Pointers may be null where a part is absent. Everything is contiguous and on the device.
struct Tail {
  const float* demodulation;  // d [N, O]
  const float* bias;          // b [O]

  // Noise: a map for all samples (step 0), a map for each (step H * W), or drawn from (key, id).
  const float* noise;  // [H, W] or [N, H, W]
  int64_t noise_step;
  const int64_t* sample_ids;  // [N]
  uint64_t noise_key;
  const float* noise_strength;  // scalar, null = 1

  float slope, gain, clamp;  // clamp: infinity = none

  void* y;                  // [N, H, W, O]  T
  const float* next_style;  // [N, O]
  void* styled;             // y * next_style [N, H, W, O]  T
  const float* rgb_weight;  // style * weight of to_rgb [N, 3, O]
  const float* rgb_bias;    // [3]
  float rgb_clamp;          // before the skip is added
  const float* skip;        // picture so far [N, H / 2, W / 2, 3]
  float skip_taps[4];       // of the filter that doubles it, gain included
  float* rgb;               // [N, H, W, 3]
  uint8_t* pixels;          // the same, as pixels; a CPU's kernels alone make them
};

}  // namespace steerx

// Binding of the private operator _epilogue on the CPU.
#include <torch/csrc/stable/library.h>

#include "tail_arguments.h"

namespace steerx {
namespace {

using torch::headeronly::ScalarType;
using torch::stable::Tensor;

constexpr int64_t kBytesPerTask = 1 << 16;

Real real_of(const Tensor& x) {
  switch (x.scalar_type()) {
    case ScalarType::Float: return Real::float32;
    case ScalarType::Half: return Real::float16;
    case ScalarType::BFloat16: return Real::bfloat16;
    default: STD_TORCH_CHECK(false, "_epilogue: x must be float32, float16 or bfloat16");
  }
}

void epilogue_on_cpu(const Tensor& x, Taps blur, bool shuffled, Maybe demodulation, Maybe bias,
                     Maybe noise, Maybe sample_ids, int64_t noise_key, Maybe noise_strength,
                     double slope, double gain, std::optional<double> clamp, Maybe next_style,
                     Maybe rgb_weight, Maybe rgb_bias, std::optional<double> rgb_clamp, Maybe skip,
                     Taps skip_taps, Maybe y, Maybe styled, Maybe rgb) {
  const Real real = real_of(x);
  STD_TORCH_CHECK(x.is_contiguous() && x.dim() == (shuffled ? 5 : 4),
                  "_epilogue: x must be contiguous, channels last");
  STD_TORCH_CHECK(!shuffled || (blur.has_value() && x.size(3) == 4),
                  "_epilogue: shuffled is [N, h, w, 4, O], with a blur");
  STD_TORCH_CHECK(!rgb.has_value() || !blur.has_value(), "_epilogue: rgb goes with no blur");
  const int64_t N = x.size(0), O = x.size(x.dim() - 1);
  const int64_t H = shuffled ? 2 * x.size(1) - 2 : blur.has_value() ? x.size(1) - 1 : x.size(1);
  const int64_t W = shuffled ? 2 * x.size(2) - 2 : blur.has_value() ? x.size(2) - 1 : x.size(2);
  TailArguments arguments{demodulation, bias, noise,     sample_ids, noise_key,  noise_strength,
                          slope,        gain, clamp,     next_style, rgb_weight, rgb_bias,
                          rgb_clamp,    skip, skip_taps, y,          styled,     rgb};
  const Tail tail = arguments.tail(x, N, H, W, O);
  static const EpilogueCpu kernel = epilogue_cpu(isa_chosen());
  const int64_t row = W * O * 4 + 1, grain = kBytesPerTask / row + 1;
  if (blur.has_value()) {
    UpsampleEpilogueParams p{real, x.const_data_ptr(), shuffled, N, H, W, O, {}, tail};
    four_taps("blur", blur, p.taps);
    torch::stable::parallel_for(0, N * H, grain,
                                [&](int64_t a, int64_t b) { kernel.upsample(p, a, b); });
  } else {
    const StyleEpilogueParams p{real, x.const_data_ptr(), N, H, W, O, tail};
    torch::stable::parallel_for(0, N * H, grain,
                                [&](int64_t a, int64_t b) { kernel.style(p, a, b); });
  }
}

}  // namespace
}  // namespace steerx

STABLE_TORCH_LIBRARY_IMPL(steerx, CPU, m) {
  m.impl("_epilogue", TORCH_BOX(&steerx::epilogue_on_cpu));
}

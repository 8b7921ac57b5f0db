// Binding of the private operator _epilogue on the CPU.
#include <torch/csrc/stable/library.h>

#include "chosen_isa.h"
#include "drawn_noise.h"
#include "tasks.h"

namespace steerx {
namespace {

constexpr int64_t kBytesPerTask = 1 << 18;

void epilogue_on_cpu(const Tensor& x, Taps blur, bool shuffled, Maybe demodulation, Maybe bias,
                     Maybe noise, Maybe sample_ids, int64_t noise_key, Maybe noise_strength,
                     double slope, double gain, std::optional<double> clamp, Maybe next_style,
                     Maybe rgb_weight, Maybe rgb_bias, std::optional<double> rgb_clamp, Maybe skip,
                     Taps skip_taps, Maybe y, Maybe styled, Maybe rgb) {
  const auto [real, N, H, W, O] = epilogue_input(x, blur.has_value(), shuffled, rgb.has_value());
  const TailArguments arguments{
      demodulation, bias, noise,     sample_ids, noise_key,  noise_strength,
      slope,        gain, clamp,     next_style, rgb_weight, rgb_bias,
      rgb_clamp,    skip, skip_taps, y,          styled,     rgb};
  Tail tail = arguments.tail(x, N, H, W, O);
  if (N <= 0 || H <= 0 || W <= 0 || O <= 0) return;  // the other sizes may be beyond counting
  const Maybe drawn = draw_noise(tail, x, N, H, W);
  const EpilogueCpu kernel = epilogue_cpu(isa_chosen());
  const int64_t row = W * O * 4 + 1, each = kBytesPerTask / row + 1, threads = threads_now();
  if (blur.has_value()) {
    UpsampleEpilogueParams p{real, x.const_data_ptr(), shuffled, N, H, W, O, {}, tail};
    four_taps("blur", blur, p.taps);
    in_tasks(threads, N * H, each,
             [&](int64_t a, int64_t b, int64_t) { kernel.upsample(p, a, b); });
  } else {
    const StyleEpilogueParams p{real, x.const_data_ptr(), N, H, W, O, tail};
    in_tasks(threads, N * H, each, [&](int64_t a, int64_t b, int64_t) { kernel.style(p, a, b); });
  }
}

}  // namespace
}  // namespace steerx

STABLE_TORCH_LIBRARY_IMPL(steerx, CPU, m) {
  m.impl("_epilogue", TORCH_BOX(&steerx::epilogue_on_cpu));
}

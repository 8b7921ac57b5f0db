// Binding of the private operator _epilogue on CUDA, for the fused renderer; epilogue_cpu.cpp is
// its sibling.
#include "cuda_binding.h"

#ifdef STEERX_WITH_CUDA
#include <torch/csrc/stable/accelerator.h>
#include <torch/csrc/stable/library.h>

#include "steerx/style_epilogue.h"
#include "steerx/upsample_epilogue.h"
#include "tail_arguments.h"

namespace steerx {
namespace {

void epilogue_on_cuda(const Tensor& x, Taps blur, bool shuffled, Maybe demodulation, Maybe bias,
                      Maybe noise, Maybe sample_ids, int64_t noise_key, Maybe noise_strength,
                      double slope, double gain, std::optional<double> clamp, Maybe next_style,
                      Maybe rgb_weight, Maybe rgb_bias, std::optional<double> rgb_clamp, Maybe skip,
                      Taps skip_taps, Maybe y, Maybe styled, Maybe rgb) {
  const auto [real, N, H, W, O] = epilogue_input(x, blur.has_value(), shuffled, rgb.has_value());
  const TailArguments arguments{
      demodulation, bias, noise,     sample_ids, noise_key,  noise_strength,
      slope,        gain, clamp,     next_style, rgb_weight, rgb_bias,
      rgb_clamp,    skip, skip_taps, y,          styled,     rgb};
  const Tail tail = arguments.tail(x, N, H, W, O);
  torch::stable::accelerator::DeviceGuard guard(x.get_device_index());
  void* stream = current_stream(x);
  int status = 0;
  if (blur.has_value()) {
    UpsampleEpilogueParams p{real, x.const_data_ptr(), shuffled, N, H, W, O, {}, tail};
    four_taps("blur", blur, p.taps);
    status = upsample_epilogue_cuda(p, stream);
  } else {
    status = style_epilogue_cuda({real, x.const_data_ptr(), N, H, W, O, tail}, stream);
  }
  STD_TORCH_CHECK(status == 0, "_epilogue: ", cuda_error_text(status));
}

}  // namespace
}  // namespace steerx

STABLE_TORCH_LIBRARY_IMPL(steerx, CUDA, m) {
  if (steerx::cuda_driver_serves()) m.impl("_epilogue", TORCH_BOX(&steerx::epilogue_on_cuda));
}
#endif

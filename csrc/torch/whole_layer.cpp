// Binding of the private operator _whole_layer: the style_layer kernels, CUDA alone. The fused
// renderer asks for it where it fits; the Python reference serves every other device.
#include "cuda_binding.h"

#ifdef STEERX_WITH_CUDA
#include <torch/csrc/stable/accelerator.h>
#include <torch/csrc/stable/library.h>

#include "steerx/style_layer.h"
#include "tail_arguments.h"

namespace steerx {
namespace {

void whole_layer_on_cuda(const Tensor& x, Maybe style, const Tensor& weight, Taps blur,
                         Maybe demodulation, Maybe bias, Maybe noise, Maybe sample_ids,
                         int64_t noise_key, Maybe noise_strength, double slope, double gain,
                         std::optional<double> clamp, Maybe next_style, Maybe rgb_weight,
                         Maybe rgb_bias, std::optional<double> rgb_clamp, Maybe skip,
                         Taps skip_taps, Maybe y, Maybe styled, Maybe rgb) {
  STD_TORCH_CHECK(x.dim() == 4 && x.is_contiguous(),
                  "_whole_layer: x must be [N, h, w, I], contiguous");
  STD_TORCH_CHECK(weight.dim() == 4, "_whole_layer: weight must be [O, 3, 3, I]");
  STD_TORCH_CHECK(!rgb.has_value() || !blur.has_value(), "_whole_layer: rgb goes with no blur");
  const int up = blur.has_value() ? 2 : 1;
  const int64_t I = x.size(3);
  StyleLayerParams p{};
  p.real = tail_real("_whole_layer", x);
  p.up = up, p.I = I, p.O = weight.size(0);
  p.N = x.size(0), p.H = x.size(1) * up, p.W = x.size(2) * up;
  STD_TORCH_CHECK(style_layer_fits(p.real, p.I, p.O, up),
                  "_whole_layer: no kernel for this type and these channels");
  p.x = x.const_data_ptr();
  p.style = tail_pointer<float>("style", style, x, ScalarType::Float, {p.N, I});
  p.weight = tail_pointer<void>("weight", weight, x, x.scalar_type(), {p.O, 3, 3, I});
  four_taps("blur", blur, p.taps);
  const TailArguments arguments{
      demodulation, bias, noise,     sample_ids, noise_key,  noise_strength,
      slope,        gain, clamp,     next_style, rgb_weight, rgb_bias,
      rgb_clamp,    skip, skip_taps, y,          styled,     rgb};
  p.tail = arguments.tail(x, p.N, p.H, p.W, p.O);
  torch::stable::accelerator::DeviceGuard guard(x.get_device_index());
  const int status = style_layer_cuda(p, current_stream(x));
  STD_TORCH_CHECK(status == 0, "_whole_layer: ", cuda_error_text(status));
}

}  // namespace
}  // namespace steerx

STABLE_TORCH_LIBRARY_IMPL(steerx, CUDA, m) {
  if (steerx::cuda_driver_serves()) m.impl("_whole_layer", TORCH_BOX(&steerx::whole_layer_on_cuda));
}
#endif

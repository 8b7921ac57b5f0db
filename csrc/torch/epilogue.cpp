// Binding of the private operator _epilogue on CUDA, for the fused renderer; epilogue_cpu.cpp is
// its sibling. It repeats what protects memory.
#include "cuda_binding.h"

#ifdef STEERX_WITH_CUDA
#include <torch/csrc/stable/accelerator.h>
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/core/ScalarType.h>
#include <torch/headeronly/util/Exception.h>

#include <limits>
#include <optional>
#include <vector>

#include "steerx/style_epilogue.h"
#include "steerx/upsample_epilogue.h"

namespace steerx {
namespace {

using torch::headeronly::ScalarType;
using torch::stable::Tensor;
using Maybe = std::optional<Tensor>;
using Taps = std::optional<std::vector<double>>;
using Sizes = std::vector<int64_t>;

// A contiguous tensor of this type and these sizes on x's device, or an error; null where absent.
template <typename T>
T* pointer(const char* name, const Maybe& tensor, const Tensor& x, ScalarType type,
           const Sizes& sizes) {
  if (!tensor.has_value()) return nullptr;
  bool fits = tensor->scalar_type() == type && tensor->dim() == int64_t(sizes.size()) &&
              tensor->is_contiguous() && tensor->device() == x.device();
  for (size_t i = 0; fits && i < sizes.size(); ++i) fits = tensor->size(int64_t(i)) == sizes[i];
  STD_TORCH_CHECK(fits, "_epilogue: ", name, " has another type, size, layout or device");
  return static_cast<T*>(const_cast<void*>(tensor->const_data_ptr()));
}

void four(const char* name, const Taps& taps, float* to) {
  if (!taps.has_value()) return;
  STD_TORCH_CHECK(taps->size() == 4, "_epilogue: ", name, " must be four numbers");
  for (size_t i = 0; i < 4; ++i) to[i] = static_cast<float>((*taps)[i]);
}

Real real_of(const Tensor& x) {
  switch (x.scalar_type()) {
    case ScalarType::Float: return Real::float32;
    case ScalarType::Half: return Real::float16;
    case ScalarType::BFloat16: return Real::bfloat16;
    default: STD_TORCH_CHECK(false, "_epilogue: x must be float32, float16 or bfloat16");
  }
}

float limit(const std::optional<double>& clamp) {
  return clamp.has_value() ? static_cast<float>(*clamp) : std::numeric_limits<float>::infinity();
}

void epilogue_on_cuda(const Tensor& x, Taps blur, bool shuffled, Maybe demodulation, Maybe bias,
                      Maybe noise, Maybe sample_ids, int64_t noise_key, Maybe noise_strength,
                      double slope, double gain, std::optional<double> clamp, Maybe next_style,
                      Maybe rgb_weight, Maybe rgb_bias, std::optional<double> rgb_clamp, Maybe skip,
                      Taps skip_taps, Maybe y, Maybe styled, Maybe rgb) {
  const Real real = real_of(x);
  STD_TORCH_CHECK(x.is_contiguous() && x.dim() == (shuffled ? 5 : 4),
                  "_epilogue: x must be contiguous, channels last");
  STD_TORCH_CHECK(!shuffled || (blur.has_value() && x.size(3) == 4),
                  "_epilogue: shuffled is [N, h, w, 4, O], with a blur");
  const int64_t N = x.size(0), O = x.size(x.dim() - 1);
  const int64_t H = shuffled ? 2 * x.size(1) - 2 : blur.has_value() ? x.size(1) - 1 : x.size(1);
  const int64_t W = shuffled ? 2 * x.size(2) - 2 : blur.has_value() ? x.size(2) - 1 : x.size(2);
  const bool each = noise.has_value() && noise->dim() == 3;
  const auto floats = ScalarType::Float;
  const auto kind = x.scalar_type();

  Tail tail{};
  tail.demodulation = pointer<float>("demodulation", demodulation, x, floats, {N, O});
  tail.bias = pointer<float>("bias", bias, x, floats, {O});
  tail.noise = pointer<float>("noise", noise, x, floats, each ? Sizes{N, H, W} : Sizes{H, W});
  tail.noise_step = each ? H * W : 0;
  tail.sample_ids = pointer<int64_t>("sample_ids", sample_ids, x, ScalarType::Long, {N});
  tail.noise_key = static_cast<uint64_t>(noise_key);
  tail.noise_strength = pointer<float>("noise_strength", noise_strength, x, floats, {});
  tail.slope = static_cast<float>(slope), tail.gain = static_cast<float>(gain);
  tail.clamp = limit(clamp), tail.rgb_clamp = limit(rgb_clamp);
  tail.next_style = pointer<float>("next_style", next_style, x, floats, {N, O});
  tail.y = pointer<void>("y", y, x, kind, {N, H, W, O});
  tail.styled = pointer<void>("styled", styled, x, kind, {N, H, W, O});
  tail.rgb = pointer<float>("rgb", rgb, x, floats, {N, H, W, kPictureChannels});
  tail.rgb_weight = pointer<float>("rgb_weight", rgb_weight, x, floats, {N, kPictureChannels, O});
  tail.rgb_bias = pointer<float>("rgb_bias", rgb_bias, x, floats, {kPictureChannels});
  tail.skip = pointer<float>("skip", skip, x, floats, {N, H / 2, W / 2, kPictureChannels});
  four("skip_taps", skip_taps, tail.skip_taps);
  STD_TORCH_CHECK(tail.styled == nullptr || tail.next_style != nullptr,
                  "_epilogue: styled needs next_style");
  STD_TORCH_CHECK(tail.rgb == nullptr || (tail.rgb_weight != nullptr && !blur.has_value()),
                  "_epilogue: rgb needs rgb_weight, and no blur");
  STD_TORCH_CHECK(tail.skip == nullptr || (skip_taps.has_value() && H % 2 == 0 && W % 2 == 0),
                  "_epilogue: skip needs skip_taps and even sizes");

  torch::stable::accelerator::DeviceGuard guard(x.get_device_index());
  void* stream = current_stream(x);
  int status = 0;
  if (blur.has_value()) {
    UpsampleEpilogueParams p{real, x.const_data_ptr(), shuffled, N, H, W, O, {}, tail};
    four("blur", blur, p.taps);
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

// Binding of the private operator _moments: CUDA alone. It repeats what protects memory; the Python
// reference serves every other device.
#include "cuda_binding.h"

#ifdef STEERX_WITH_CUDA
#include <torch/csrc/stable/accelerator.h>
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/core/ScalarType.h>
#include <torch/headeronly/util/Exception.h>

#include <optional>

#include "steerx/moments.h"

namespace steerx {
namespace {

using torch::headeronly::ScalarType;
using torch::stable::Tensor;

Real real_of(const Tensor& x) {
  switch (x.scalar_type()) {
    case ScalarType::Float: return Real::float32;
    case ScalarType::Half: return Real::float16;
    case ScalarType::BFloat16: return Real::bfloat16;
    default: STD_TORCH_CHECK(false, "_moments: x must be float32, float16 or bfloat16 on CUDA");
  }
}

void moments_on_cuda(const Tensor& given, std::optional<Tensor> shift, const Tensor& sum,
                     const Tensor& products) {
  const Real real = real_of(given);
  STD_TORCH_CHECK(given.dim() == 2, "_moments: x must be [N, D]");
  const int64_t N = given.size(0), D = given.size(1);
  STD_TORCH_CHECK(!shift.has_value() || (shift->dim() == 1 && shift->size(0) == D &&
                                         shift->scalar_type() == ScalarType::Float &&
                                         shift->device() == given.device()),
                  "_moments: shift must be [D] float32 on x's device");
  STD_TORCH_CHECK(sum.dim() == 1 && sum.size(0) == D && products.dim() == 2 &&
                      products.size(0) == D && products.size(1) == D,
                  "_moments: sum must be [D] and products [D, D]");
  for (const Tensor* to : {&sum, &products})
    STD_TORCH_CHECK(to->scalar_type() == ScalarType::Double && to->is_contiguous() &&
                        to->device() == given.device(),
                    "_moments: sum and products must be contiguous float64 on x's device");
  torch::stable::accelerator::DeviceGuard guard(given.get_device_index());
  const Tensor x = torch::stable::contiguous(given);
  if (shift.has_value()) shift = torch::stable::contiguous(*shift);
  Tensor partial = torch::stable::new_empty(sum, {moments_parts(N), D + 1, D});
  const int status = moments_cuda(
      {real, x.const_data_ptr(), shift.has_value() ? shift->const_data_ptr<float>() : nullptr,
       static_cast<double*>(const_cast<void*>(sum.const_data_ptr())),
       static_cast<double*>(const_cast<void*>(products.const_data_ptr())),
       partial.mutable_data_ptr<double>(), N, D},
      current_stream(x));
  STD_TORCH_CHECK(status == 0, "_moments: ", cuda_error_text(status));
}

}  // namespace
}  // namespace steerx

STABLE_TORCH_LIBRARY_IMPL(steerx, CUDA, m) {
  if (steerx::cuda_driver_serves()) m.impl("_moments", TORCH_BOX(&steerx::moments_on_cuda));
}
#endif

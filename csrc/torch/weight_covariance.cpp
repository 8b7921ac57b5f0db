// Binding of the private operator _weight_covariance: CUDA alone. It repeats what protects memory;
// the Python reference serves every other device.
#include "cuda_binding.h"

#ifdef STEERX_WITH_CUDA
#include <torch/csrc/stable/accelerator.h>
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/core/ScalarType.h>
#include <torch/headeronly/util/Exception.h>

#include <vector>

#include "steerx/weight_covariance.h"

namespace steerx {
namespace {

using torch::headeronly::ScalarType;
using torch::stable::Tensor;

void weight_covariance_on_cuda(const Tensor& given, std::vector<int64_t> offsets, bool normalize,
                               const Tensor& out) {
  STD_TORCH_CHECK(given.dim() == 2 && given.scalar_type() == ScalarType::Float,
                  "_weight_covariance: rows must be [S, D] float32");
  STD_TORCH_CHECK(!offsets.empty(), "_weight_covariance: offsets must be G + 1 numbers");
  const int64_t S = given.size(0), D = given.size(1), G = int64_t(offsets.size()) - 1;
  STD_TORCH_CHECK(out.dim() == 3 && out.size(0) == G && out.size(1) == D && out.size(2) == D &&
                      out.scalar_type() == ScalarType::Double && out.is_contiguous(),
                  "_weight_covariance: out must be contiguous [G, D, D] float64");
  STD_TORCH_CHECK(out.device() == given.device(),
                  "_weight_covariance: all tensors must be on one device");
  torch::stable::accelerator::DeviceGuard guard(given.get_device_index());
  const Tensor rows = torch::stable::contiguous(given);
  Tensor lengths = torch::stable::new_empty(rows, {S});
  const int status = weight_covariance_cuda(
      {rows.const_data_ptr<float>(), offsets.data(), normalize, lengths.mutable_data_ptr<float>(),
       static_cast<double*>(const_cast<void*>(out.const_data_ptr())), S, D, G},
      current_stream(rows));
  STD_TORCH_CHECK(status == 0, "_weight_covariance: ", cuda_error_text(status));
}

}  // namespace
}  // namespace steerx

STABLE_TORCH_LIBRARY_IMPL(steerx, CUDA, m) {
  if (steerx::cuda_driver_serves())
    m.impl("_weight_covariance", TORCH_BOX(&steerx::weight_covariance_on_cuda));
}
#endif

// Binding of eigh: CUDA alone. It repeats what protects memory; matrices that the kernel does not
// take go back through the dispatcher to the library's batched call.
#include "cuda_binding.h"

#ifdef STEERX_WITH_CUDA
#include <torch/csrc/stable/accelerator.h>
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/core/ScalarType.h>
#include <torch/headeronly/util/Exception.h>

#include <array>
#include <tuple>

#include "steerx/eigh.h"

namespace steerx {
namespace {

using torch::headeronly::ScalarType;
using torch::stable::Tensor;
using Solved = std::tuple<Tensor, Tensor>;

Solved room_for(const Tensor& a) {
  return {torch::stable::new_empty(a, {a.size(0), a.size(1)}),
          torch::stable::new_empty(a, {a.size(0), a.size(1), a.size(1)})};
}

// steerx::_eigh_library writes into its second and third argument.
Solved by_library(const Tensor& a) {
  const Solved solved = room_for(a);
  std::array<StableIValue, 3> stack{torch::stable::detail::from(a),
                                    torch::stable::detail::from(std::get<0>(solved)),
                                    torch::stable::detail::from(std::get<1>(solved))};
  STABLE_TORCH_ERROR_CODE_CHECK(
      torch_call_dispatcher("steerx::_eigh_library", "", stack.data(), TORCH_ABI_VERSION));
  return solved;
}

Solved eigh_on_cuda(const Tensor& given) {
  STD_TORCH_CHECK(given.dim() == 3 && given.size(1) == given.size(2), "eigh: a must be [B, n, n]");
  const ScalarType type = given.scalar_type();
  const bool half = type == ScalarType::Half || type == ScalarType::BFloat16;
  STD_TORCH_CHECK(half || type == ScalarType::Float || type == ScalarType::Double,
                  "eigh: a must be float32, float64, float16 or bfloat16");
  if (given.size(1) > kEighMost || type == ScalarType::Double) return by_library(given);

  torch::stable::accelerator::DeviceGuard guard(given.get_device_index());
  const Tensor a =
      torch::stable::contiguous(half ? torch::stable::to(given, ScalarType::Float) : given);
  auto [values, vectors] = room_for(a);
  const int status = eigh_cuda({a.const_data_ptr<float>(), values.mutable_data_ptr<float>(),
                                vectors.mutable_data_ptr<float>(), a.size(0), a.size(1)},
                               current_stream(a));
  STD_TORCH_CHECK(status == 0, "eigh: ", cuda_error_text(status));
  if (!half) return {values, vectors};
  return {torch::stable::to(values, type), torch::stable::to(vectors, type)};
}

}  // namespace
}  // namespace steerx

STABLE_TORCH_LIBRARY_IMPL(steerx, CUDA, m) {
  if (steerx::cuda_driver_serves()) m.impl("eigh", TORCH_BOX(&steerx::eigh_on_cuda));
}
#endif

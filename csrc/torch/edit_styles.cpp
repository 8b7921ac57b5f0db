// Binding of edit_styles: repeats only what protects memory, since anyone can reach torch.ops
// directly.
#include "steerx/edit_styles.h"

#include <torch/csrc/stable/accelerator.h>
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/core/ScalarType.h>
#include <torch/headeronly/util/Exception.h>

#include "chosen_isa.h"
#include "cuda_binding.h"

namespace steerx {
namespace {

using torch::headeronly::ScalarType;
using torch::stable::Tensor;

constexpr int64_t kElementsPerTask = 1 << 15;  // smaller pieces cost more to hand out than to do

// One call's tensors, made contiguous and kept alive while the pointers are used.
struct EditStyles {
  Tensor base, steps, alphas, sources, directions;

  EditStyles(const Tensor& base_, const Tensor& steps_, const Tensor& alphas_,
             const Tensor& sources_, const Tensor& directions_)
      : base(torch::stable::contiguous(base_)),
        steps(torch::stable::contiguous(steps_)),
        alphas(torch::stable::contiguous(alphas_)),
        sources(torch::stable::contiguous(sources_)),
        directions(torch::stable::contiguous(directions_)) {}

  static void check(const Tensor& base, const Tensor& steps, const Tensor& alphas,
                    const Tensor& sources, const Tensor& directions) {
    STD_TORCH_CHECK(base.dim() == 2 && steps.dim() == 2 && steps.size(1) == base.size(1),
                    "edit_styles: base must be [N, S] and steps [K, S]");
    STD_TORCH_CHECK(alphas.dim() == 1 && sources.dim() == 1 && directions.dim() == 1 &&
                        sources.size(0) == alphas.size(0) && directions.size(0) == alphas.size(0),
                    "edit_styles: alphas, sources and directions must be [B]");
    STD_TORCH_CHECK(
        steps.scalar_type() == base.scalar_type() && alphas.scalar_type() == base.scalar_type(),
        "edit_styles: base, steps and alphas must have one dtype");
    STD_TORCH_CHECK(
        sources.scalar_type() == ScalarType::Long && directions.scalar_type() == ScalarType::Long,
        "edit_styles: sources and directions must be int64");
    for (const Tensor* tensor : {&steps, &alphas, &sources, &directions})
      STD_TORCH_CHECK(tensor->device() == base.device(),
                      "edit_styles: all tensors must be on one device");
  }

  EditStylesParams params(Real real, Tensor& out) const {
    return {real,
            base.const_data_ptr(),
            steps.const_data_ptr(),
            alphas.const_data_ptr(),
            sources.const_data_ptr<int64_t>(),
            directions.const_data_ptr<int64_t>(),
            out.mutable_data_ptr(),
            base.size(0),
            steps.size(0),
            alphas.size(0),
            base.size(1)};
  }
};

Real real_of(const Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case ScalarType::Float: return Real::float32;
    case ScalarType::Double: return Real::float64;
    case ScalarType::Half: return Real::float16;
    case ScalarType::BFloat16: return Real::bfloat16;
    default:
      STD_TORCH_CHECK(false, "edit_styles: base must be float32, float64, float16 or bfloat16");
  }
}

void check_rows(const char* name, const Tensor& index, int64_t rows) {
  const int64_t* row = index.const_data_ptr<int64_t>();
  for (int64_t b = 0; b < index.size(0); ++b)
    STD_TORCH_CHECK(row[b] >= 0 && row[b] < rows, "edit_styles: ", name, " must lie in 0 ... ",
                    rows - 1, ", got ", row[b]);
}

Tensor edit_styles_on_cpu(const Tensor& base, const Tensor& steps, const Tensor& alphas,
                          const Tensor& sources, const Tensor& directions) {
  EditStyles::check(base, steps, alphas, sources, directions);
  const Real real = real_of(base);
  if (real == Real::float16 || real == Real::bfloat16) {  // in float32, rounded once
    const auto wide = [](const Tensor& t) { return torch::stable::to(t, ScalarType::Float); };
    return torch::stable::to(
        edit_styles_on_cpu(wide(base), wide(steps), wide(alphas), sources, directions),
        base.scalar_type());
  }
  const EditStyles call(base, steps, alphas, sources, directions);
  check_rows("sources", call.sources, base.size(0));
  check_rows("directions", call.directions, steps.size(0));
  Tensor out = torch::stable::new_empty(call.base, {alphas.size(0), base.size(1)});
  const EditStylesParams p = call.params(real, out);
  const EditStylesCpu kernel = edit_styles_cpu(isa_chosen());
  torch::stable::parallel_for(0, p.B * p.S, kElementsPerTask,
                              [&](int64_t first, int64_t last) { kernel(p, first, last); });
  return out;
}

#ifdef STEERX_WITH_CUDA
Tensor edit_styles_on_cuda(const Tensor& base, const Tensor& steps, const Tensor& alphas,
                           const Tensor& sources, const Tensor& directions) {
  EditStyles::check(base, steps, alphas, sources, directions);
  const Real real = real_of(base);
  torch::stable::accelerator::DeviceGuard guard(base.get_device_index());
  const EditStyles call(base, steps, alphas, sources, directions);
  Tensor out = torch::stable::new_empty(call.base, {alphas.size(0), base.size(1)});
  const int status = edit_styles_cuda(call.params(real, out), current_stream(base));
  STD_TORCH_CHECK(status == 0, "edit_styles: ", cuda_error_text(status));
  return out;
}
#endif

}  // namespace
}  // namespace steerx

STABLE_TORCH_LIBRARY_IMPL(steerx, CPU, m) {
  m.impl("edit_styles", TORCH_BOX(&steerx::edit_styles_on_cpu));
}
#ifdef STEERX_WITH_CUDA
STABLE_TORCH_LIBRARY_IMPL(steerx, CUDA, m) {
  if (steerx::cuda_driver_serves()) m.impl("edit_styles", TORCH_BOX(&steerx::edit_styles_on_cuda));
}
#endif

// Binding of the private operator _demodulation on the CPU.
#include "steerx/demodulation.h"

#include <torch/csrc/stable/library.h>

#include "chosen_isa.h"
#include "tail_arguments.h"
#include "tasks.h"

namespace steerx {
namespace {

void demodulation_on_cpu(const Tensor& unit, const Tensor& unit_scale, const Tensor& power,
                         const Tensor& scale, double eps, double least, Tensor factor) {
  STD_TORCH_CHECK(unit.dim() == 2 && power.dim() == 2,
                  "_demodulation: unit must be [N, I], power [I, O]");
  const int64_t N = unit.size(0), I = unit.size(1), O = power.size(1);
  const auto given = [&](const char* name, const Tensor& t, const Sizes& sizes) {
    return tail_pointer<float>(name, t, unit, ScalarType::Float, sizes);
  };
  const DemodulationParams p{given("unit", unit, {N, I}),
                             given("unit_scale", unit_scale, {N, 1}),
                             given("power", power, {I, O}),
                             given("scale", scale, {O}),
                             N,
                             I,
                             O,
                             static_cast<float>(eps),
                             static_cast<float>(least),
                             given("factor", factor, {N, O})};
  const DemodulationCpu kernel = demodulation_cpu(isa_chosen());
  constexpr int64_t kOutputs = 128;  // of a task
  in_tasks(threads_now(), O, kOutputs,
           [&](int64_t first, int64_t last, int64_t) { kernel(p, first, last); });
}

}  // namespace
}  // namespace steerx

STABLE_TORCH_LIBRARY_IMPL(steerx, CPU, m) {
  m.impl("_demodulation", TORCH_BOX(&steerx::demodulation_on_cpu));
}

// Binding of the private operator _gathered. The bits depend neither on the pieces that rows are
// gathered in nor on who multiplies them.
#include "steerx/gathered.h"

#include <torch/csrc/stable/library.h>

#include <algorithm>

#include "chosen_isa.h"
#include "tail_arguments.h"
#include "tasks.h"

namespace steerx {
namespace {

constexpr int64_t kPanel = 16, kRowsPerTask = 12, kPanelsPerTask = 2;

void gathered_on_cpu(const Tensor& x, const Tensor& weight, Tensor room, bool transposed,
                     Tensor z) {
  STD_TORCH_CHECK(x.scalar_type() == ScalarType::Float && x.dim() == 4 && x.is_contiguous() &&
                      x.is_cpu() && x.size(3) > 0 && x.size(3) % kPanel == 0,
                  "_gathered: x must be float32 [N, H, W, I], contiguous, I a multiple of 16");
  const int64_t N = x.size(0), H = x.size(1), W = x.size(2), I = x.size(3);
  const int64_t O = weight.numel() / (9 * I), margin = transposed ? 1 : 0;
  STD_TORCH_CHECK(O % kPanel == 0, "_gathered: weight must be float32 [9 I O], O a multiple of 16");
  const auto floats = ScalarType::Float;
  const Sizes sizes = transposed ? Sizes{N, H + 1, W + 1, 4, O} : Sizes{N, H, W, O};
  const GatheredParams p{transposed ? GatheredForm::transposed : GatheredForm::plain,
                         x.const_data_ptr<float>(),
                         tail_pointer<float>("weight", weight, x, floats, {9 * I * O}),
                         N,
                         H,
                         W,
                         I,
                         O,
                         tail_pointer<float>("z", z, x, floats, sizes)};
  const GatheredCpu kernel = gathered_cpu(isa_chosen());
  float* rows = tail_pointer<float>("room", room, x, floats, {room.numel()});
  const int64_t threads = threads_now();
  const int64_t deepest = transposed ? 4 : 9, all = N * (H + margin) * (W + margin);
  // Rows of a piece: as many as the room holds.
  const int64_t most = room.numel() / (deepest * I) / kernel.group * kernel.group;
  STD_TORCH_CHECK(most > 0, "_gathered: room is too small");
  for (int64_t first = 0; first < all && O > 0; first += most)
    for (int64_t phase = 0; phase < gathered_phases(p.form); ++phase) {
      const int64_t last = std::min(first + most, all), depth = gathered_taps(p.form, phase) * I;
      const int64_t each = (kRowsPerTask + kernel.group - 1) / kernel.group * kernel.group;
      in_tasks(threads, last - first, each, [&](int64_t a, int64_t b, int64_t) {
        kernel.gather(p, phase, first + a, first + b, rows + a * depth);
      });
      in_tasks(threads, O / kPanel, kPanelsPerTask, [&](int64_t a, int64_t b, int64_t) {
        kernel.multiply(p, phase, first, last, a, b, rows);
      });
    }
}

}  // namespace
}  // namespace steerx

STABLE_TORCH_LIBRARY_IMPL(steerx, CPU, m) {
  m.impl("_gathered", TORCH_BOX(&steerx::gathered_on_cpu));
}

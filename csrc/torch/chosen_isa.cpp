// steerx::_hold_isa(str isa) -> bool: kernels run with that instruction set from now on; "" gives
// the choice back to the machine. False where it does not run the one asked for.
#include "chosen_isa.h"

#include <torch/csrc/stable/library.h>

#include <atomic>
#include <string>

namespace steerx {
namespace {

std::atomic<Isa>& chosen() {
  static std::atomic<Isa> isa{isa_widest()};
  return isa;
}

bool hold_isa(std::string name) {
  for (int i = 0; i < kIsaCount; ++i) {
    const Isa isa = static_cast<Isa>(i);
    if (!isa_runs(isa) || name != isa_name(isa)) continue;
    chosen() = isa;
    return true;
  }
  if (name.empty()) chosen() = isa_widest();
  return name.empty();
}

}  // namespace

Isa isa_chosen() { return chosen(); }

}  // namespace steerx

STABLE_TORCH_LIBRARY_FRAGMENT(steerx, m) { m.def("_hold_isa(str isa) -> bool"); }
STABLE_TORCH_LIBRARY_IMPL(steerx, CompositeExplicitAutograd, m) {
  m.impl("_hold_isa", TORCH_BOX(&steerx::hold_isa));
}

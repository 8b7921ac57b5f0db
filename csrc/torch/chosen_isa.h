// The instruction set that this library's kernels run with: the machine's widest, unless a bench
// holds the process to a narrower one.
#pragma once
#include "steerx/isa.h"

namespace steerx {

Isa isa_chosen();

}  // namespace steerx

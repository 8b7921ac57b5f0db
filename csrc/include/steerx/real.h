// The floating-point types that kernels may meet, named without torch.
#pragma once

namespace steerx {

enum class Real : int { float32, float64, float16, bfloat16 };

}  // namespace steerx

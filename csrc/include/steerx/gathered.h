// 3x3 convolutions of small pictures in float32: the pixels that results are sums of are gathered
// into rows (im2col) and multiplied by weights that all samples share. Nine products a pixel.
#pragma once
#include <cstdint>

#include "steerx/isa.h"

namespace steerx {

// plain: padding 1. transposed: of stride 2, as its four phases, so that no product is with zero.
enum class GatheredForm : int { plain, transposed };

struct GatheredParams {
  GatheredForm form;
  const float* x;         // [N, H, W, I]
  const float* weight;    // phase by phase [O / 16, taps I, 16]: see steerx/ops/_gathered.py
  int64_t N, H, W, I, O;  // I and O are multiples of 16
  float* z;               // plain: [N, H, W, O]; transposed: [N, H + 1, W + 1, 4, O]
};

constexpr int64_t gathered_phases(GatheredForm form) { return form == GatheredForm::plain ? 1 : 4; }
constexpr int64_t gathered_taps(GatheredForm form, int64_t phase) {  // of a result
  return form == GatheredForm::plain ? 9 : (2 - phase / 2) * (2 - phase % 2);
}
static inline constexpr int64_t gathered_rows(const GatheredParams& p) {  // results of a phase
  return p.form == GatheredForm::plain ? p.N * p.H * p.W : p.N * (p.H + 1) * (p.W + 1);
}

struct GatheredCpu {
  int64_t group;  // rows that are multiplied together: pieces begin at multiples of it
  // Rows first ... last - 1 of a phase into `rows`, float32 [whole groups * group][taps I].
  void (*gather)(const GatheredParams& p, int64_t phase, int64_t first, int64_t last, float* rows);
  // Those rows times panels begin ... end - 1 of 16 outputs, into z.
  void (*multiply)(const GatheredParams& p, int64_t phase, int64_t first, int64_t last,
                   int64_t begin, int64_t end, const float* rows);
};

// Nulls where the instruction set was not compiled for.
GatheredCpu gathered_cpu(Isa isa);

}  // namespace steerx

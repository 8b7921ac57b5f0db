// Binding of the private operator _direct: a layer in bfloat16 by the processor's matrix units, or
// by floats where it has none. The bits do not depend on the pieces that a picture is made in.
#include "steerx/direct.h"

#include <torch/csrc/stable/library.h>

#include <algorithm>

#include "chosen_isa.h"
#include "drawn_noise.h"
#include "tasks.h"

namespace steerx {
namespace {

constexpr uintptr_t kLine = 64;
constexpr int64_t kColumns = 64, kFewRows = 4;  // of a piece

bool matrix_units() { return isa_chosen() == Isa::avx512 && matrix_units_run(); }

DirectParams layer_of(const Tensor& x, const Tensor& weight, const Taps& blur) {
  const auto is_ours = [](const Tensor& t, int64_t dim) {
    return t.scalar_type() == ScalarType::BFloat16 && t.dim() == dim && t.is_contiguous() &&
           t.is_cpu();
  };
  STD_TORCH_CHECK(is_ours(x, 4) && x.size(3) > 0 && x.size(3) % kDirectBlock == 0,
                  "_direct: x must be bfloat16 [N, H, W, I], contiguous, I a multiple of 32");
  const Sizes step{weight.size(0), x.size(3) / kDirectBlock * 9, 2, 16, 16, 2};
  bool fits = is_ours(weight, 6);
  for (size_t i = 0; fits && i < step.size(); ++i) fits = weight.size(int64_t(i)) == step[i];
  STD_TORCH_CHECK(fits && reinterpret_cast<uintptr_t>(weight.const_data_ptr()) % kLine == 0,
                  "_direct: weight must be bfloat16 [O / 32, 9 I / 32, 2, 16, 16, 2], contiguous, "
                  "at a multiple of 64 bytes");
  DirectParams p{};
  p.form = blur.has_value() ? DirectForm::upsampling : DirectForm::plain;
  p.x = static_cast<const uint16_t*>(x.const_data_ptr());
  p.weight = static_cast<const uint16_t*>(weight.const_data_ptr());
  p.N = x.size(0), p.H = x.size(1), p.W = x.size(2), p.I = x.size(3);
  p.O = weight.size(0) * kDirectBlock;
  four_taps("blur", blur, p.taps);
  return p;
}

void run(const DirectParams& p, Tensor& room) {
  STD_TORCH_CHECK(room.scalar_type() == ScalarType::Float && room.is_contiguous() && room.is_cpu(),
                  "_direct: room must be float32, contiguous");
  const DirectCpu kernel = direct_cpu(isa_chosen(), matrix_units());
  const int64_t threads = threads_now();
  const uintptr_t begin = reinterpret_cast<uintptr_t>(room.mutable_data_ptr());
  const uintptr_t aligned = (begin + kLine - 1) / kLine * kLine;
  const int64_t given =
      room.numel() * int64_t(sizeof(float)) - static_cast<int64_t>(aligned - begin);
  const int64_t each = given / threads / int64_t(kLine) * int64_t(kLine);  // bytes of one thread
  const int64_t columns = std::min(p.W, kColumns), across = (p.W + columns - 1) / columns;
  int64_t rows = 1;
  STD_TORCH_CHECK(kernel.room(p, rows, columns) <= each, "_direct: room is too small");
  while (rows < p.H && kernel.room(p, rows + 1, columns) <= each) ++rows;
  const auto bands = [&] { return (p.H + rows - 1) / rows; };
  // Few pieces are shared by outputs, so that weights are read once; a picture needs them all.
  const bool pictured = p.tail.rgb != nullptr || p.tail.pixels != nullptr;
  const int64_t blocks = p.O / kDirectBlock, few = threads > 1 ? 2 * threads : 1;
  int64_t each_blocks = blocks;
  const auto parts = [&] { return (blocks + each_blocks - 1) / each_blocks; };
  while (!pictured && each_blocks > 1 && p.N * bands() * across * parts() < few)
    each_blocks = (each_blocks + 1) / 2;
  while (rows > kFewRows && p.N * bands() * across * parts() < few) rows = (rows + 1) / 2;
  rows = (p.H + bands() - 1) / bands();  // all alike
  const int64_t shares = parts();
  in_tasks(threads, p.N * bands() * across * shares, 1, [&](int64_t task, int64_t, int64_t own) {
    const int64_t place = task / shares, block = task % shares * each_blocks;
    const int64_t n = place / (bands() * across), row = place / across % bands() * rows,
                  column = place % across * columns;
    const DirectPiece piece{n,
                            row,
                            std::min(rows, p.H - row),
                            column,
                            std::min(columns, p.W - column),
                            block,
                            std::min(each_blocks, blocks - block)};
    kernel.piece(p, piece, reinterpret_cast<void*>(aligned + static_cast<uintptr_t>(own * each)));
  });
}

void direct_on_cpu(const Tensor& x, const Tensor& weight, Tensor room, Taps blur,
                   Maybe demodulation, Maybe bias, Maybe noise, Maybe sample_ids, int64_t noise_key,
                   Maybe noise_strength, double slope, double gain, std::optional<double> clamp,
                   Maybe next_style, Maybe rgb_weight, Maybe rgb_bias,
                   std::optional<double> rgb_clamp, Maybe skip, Taps skip_taps, Maybe y,
                   Maybe styled, Maybe rgb) {
  DirectParams p = layer_of(x, weight, blur);
  STD_TORCH_CHECK(!rgb.has_value() || !blur.has_value(), "_direct: rgb goes with no blur");
  const TailArguments arguments{
      demodulation, bias, noise,     sample_ids, noise_key,  noise_strength,
      slope,        gain, clamp,     next_style, rgb_weight, rgb_bias,
      rgb_clamp,    skip, skip_taps, y,          styled,     rgb};
  const int64_t up = blur.has_value() ? 2 : 1;
  p.tail = arguments.tail(x, p.N, up * p.H, up * p.W, p.O);
  if (p.N == 0 || p.H == 0 || p.W == 0 || p.O == 0) return;
  const Maybe drawn = draw_noise(p.tail, x, p.N, up * p.H, up * p.W);
  run(p, room);
}

}  // namespace
}  // namespace steerx

STABLE_TORCH_LIBRARY_FRAGMENT(steerx, m) { m.def("_matrix_units() -> bool"); }
STABLE_TORCH_LIBRARY_IMPL(steerx, CompositeExplicitAutograd, m) {
  m.impl("_matrix_units", TORCH_BOX(&steerx::matrix_units));
}
STABLE_TORCH_LIBRARY_IMPL(steerx, CPU, m) { m.impl("_direct", TORCH_BOX(&steerx::direct_on_cpu)); }

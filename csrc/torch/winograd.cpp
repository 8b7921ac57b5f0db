// Bindings of the private operators _winograd and _winograd_transposed. The bits do not depend on
// the pieces that tiles are made in.
#include "steerx/winograd.h"

#include <torch/csrc/stable/library.h>

#include "chosen_isa.h"
#include "drawn_noise.h"
#include "tasks.h"

namespace steerx {
namespace {

constexpr uintptr_t kLine = 64;

WinogradParams sizes_of(WinogradForm form, const Tensor& x, const Tensor& weight) {
  const auto is_ours = [](const Tensor& t, int64_t dim) {
    return t.scalar_type() == ScalarType::Float && t.dim() == dim && t.is_contiguous() &&
           t.is_cpu();
  };
  STD_TORCH_CHECK(is_ours(x, 4), "_winograd: x must be float32 [N, H, W, I], contiguous");
  STD_TORCH_CHECK(is_ours(weight, 4) && weight.size(0) == winograd_points(form) &&
                      weight.size(2) == x.size(3) && weight.size(3) == kPanel &&
                      x.size(3) % kPanel == 0 && x.size(3) > 0,
                  "_winograd: weight must be float32 [points, O / 16, I, 16], contiguous");
  WinogradParams p{};
  p.form = form, p.x = x.const_data_ptr<float>(), p.weight = weight.const_data_ptr<float>();
  p.N = x.size(0), p.H = x.size(1), p.W = x.size(2), p.I = x.size(3);
  p.O = weight.size(1) * kPanel;
  return p;
}

void run(const WinogradParams& p, Tensor& room) {
  STD_TORCH_CHECK(room.scalar_type() == ScalarType::Float && room.is_contiguous() && room.is_cpu(),
                  "_winograd: room must be float32, contiguous");
  const WinogradCpu kernel = winograd_cpu(isa_chosen());
  const int64_t tiles = winograd_tiles(p), threads = threads_now();
  if (tiles == 0 || p.I == 0 || p.O == 0) return;
  const uintptr_t begin = reinterpret_cast<uintptr_t>(room.mutable_data_ptr());
  const uintptr_t aligned = (begin + kLine - 1) / kLine * kLine;
  constexpr int64_t kFloats = kLine / sizeof(float);
  const int64_t given =
      room.numel() - static_cast<int64_t>(aligned - begin) / int64_t(sizeof(float));
  const int64_t each = given / threads / kFloats * kFloats;  // floats of one thread
  const auto whole = [&](int64_t count) {
    return (count + kernel.group - 1) / kernel.group * kernel.group;
  };
  int64_t most = kernel.group;  // tiles of a piece
  STD_TORCH_CHECK(kernel.room(p, most) <= each, "_winograd: room is too small");
  while (most < tiles && kernel.room(p, most + kernel.group) <= each) most += kernel.group;
  const int64_t rounds = (tiles + threads * most - 1) / (threads * most);
  const int64_t piece = whole((tiles + threads * rounds - 1) / (threads * rounds));
  float* floats = reinterpret_cast<float*>(aligned);
  in_tasks(threads, tiles, piece, [&](int64_t first, int64_t last, int64_t own) {
    kernel.tiles(p, first, last, floats + own * each);
  });
}

void winograd_on_cpu(const Tensor& x, const Tensor& weight, Tensor room, Maybe demodulation,
                     Maybe bias, Maybe noise, Maybe sample_ids, int64_t noise_key,
                     Maybe noise_strength, double slope, double gain, std::optional<double> clamp,
                     Maybe next_style, Maybe rgb_weight, Maybe rgb_bias,
                     std::optional<double> rgb_clamp, Maybe skip, Taps skip_taps, Maybe y,
                     Maybe styled, Maybe rgb) {
  WinogradParams p = sizes_of(WinogradForm::plain, x, weight);
  const TailArguments arguments{
      demodulation, bias, noise,     sample_ids, noise_key,  noise_strength,
      slope,        gain, clamp,     next_style, rgb_weight, rgb_bias,
      rgb_clamp,    skip, skip_taps, y,          styled,     rgb};
  p.tail = arguments.tail(x, p.N, p.H, p.W, p.O);
  if (winograd_tiles(p) == 0) return;  // the other sizes may be beyond counting
  const Maybe drawn = draw_noise(p.tail, x, p.N, p.H, p.W);
  run(p, room);
}

void winograd_transposed_on_cpu(const Tensor& x, const Tensor& weight, Tensor room, Tensor z) {
  WinogradParams p = sizes_of(WinogradForm::transposed, x, weight);
  p.z = tail_pointer<float>("z", z, x, ScalarType::Float, {p.N, 2 * p.H + 1, 2 * p.W + 1, p.O});
  run(p, room);
}

}  // namespace
}  // namespace steerx

STABLE_TORCH_LIBRARY_IMPL(steerx, CPU, m) {
  m.impl("_winograd", TORCH_BOX(&steerx::winograd_on_cpu));
  m.impl("_winograd_transposed", TORCH_BOX(&steerx::winograd_transposed_on_cpu));
}

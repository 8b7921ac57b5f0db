// What the CPU operators with a tail take, checked: they repeat what protects memory.
#pragma once
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/core/ScalarType.h>
#include <torch/headeronly/util/Exception.h>

#include <limits>
#include <optional>
#include <vector>

#include "steerx/cpu_epilogue.h"

namespace steerx {

using Maybe = std::optional<torch::stable::Tensor>;
using Taps = std::optional<std::vector<double>>;
using Sizes = std::vector<int64_t>;

// A contiguous tensor of this type and these sizes on the CPU, or an error; null where absent.
template <typename T>
T* tail_pointer(const char* name, const Maybe& tensor, torch::headeronly::ScalarType type,
                const Sizes& sizes) {
  if (!tensor.has_value()) return nullptr;
  bool fits = tensor->scalar_type() == type && tensor->dim() == int64_t(sizes.size()) &&
              tensor->is_contiguous() && tensor->is_cpu();
  for (size_t i = 0; fits && i < sizes.size(); ++i) fits = tensor->size(int64_t(i)) == sizes[i];
  STD_TORCH_CHECK(fits, "epilogue: ", name, " has another type, size, layout or device");
  return static_cast<T*>(const_cast<void*>(tensor->const_data_ptr()));
}

inline void four_taps(const char* name, const Taps& taps, float* to) {
  if (!taps.has_value()) return;
  STD_TORCH_CHECK(taps->size() == 4, "epilogue: ", name, " must be four numbers");
  for (size_t i = 0; i < 4; ++i) to[i] = static_cast<float>((*taps)[i]);
}

// A tail of [N, H, W, O] on the CPU, with what it points to. Drawn noise is drawn here.
struct TailArguments {
  Maybe demodulation, bias, noise, sample_ids;
  int64_t noise_key;
  Maybe noise_strength;
  double slope, gain;
  std::optional<double> clamp;
  Maybe next_style, rgb_weight, rgb_bias;
  std::optional<double> rgb_clamp;
  Maybe skip;
  Taps skip_taps;
  Maybe y, styled, rgb;
  Maybe drawn = {};

  Tail tail(const torch::stable::Tensor& x, int64_t N, int64_t H, int64_t W, int64_t O) {
    const auto floats = torch::headeronly::ScalarType::Float;
    const auto kind = x.scalar_type();
    const auto limit = [](const std::optional<double>& clamp) {
      return clamp.has_value() ? static_cast<float>(*clamp)
                               : std::numeric_limits<float>::infinity();
    };
    const bool each = noise.has_value() && noise->dim() == 3;
    Tail t{};
    t.demodulation = tail_pointer<float>("demodulation", demodulation, floats, {N, O});
    t.bias = tail_pointer<float>("bias", bias, floats, {O});
    t.noise = tail_pointer<float>("noise", noise, floats, each ? Sizes{N, H, W} : Sizes{H, W});
    t.noise_step = each ? H * W : 0;
    t.noise_strength = tail_pointer<float>("noise_strength", noise_strength, floats, {});
    t.slope = static_cast<float>(slope), t.gain = static_cast<float>(gain);
    t.clamp = limit(clamp), t.rgb_clamp = limit(rgb_clamp);
    t.next_style = tail_pointer<float>("next_style", next_style, floats, {N, O});
    t.y = tail_pointer<void>("y", y, kind, {N, H, W, O});
    t.styled = tail_pointer<void>("styled", styled, kind, {N, H, W, O});
    t.rgb = tail_pointer<float>("rgb", rgb, floats, {N, H, W, kPictureChannels});
    t.rgb_weight = tail_pointer<float>("rgb_weight", rgb_weight, floats, {N, kPictureChannels, O});
    t.rgb_bias = tail_pointer<float>("rgb_bias", rgb_bias, floats, {kPictureChannels});
    t.skip = tail_pointer<float>("skip", skip, floats, {N, H / 2, W / 2, kPictureChannels});
    four_taps("skip_taps", skip_taps, t.skip_taps);
    STD_TORCH_CHECK(t.styled == nullptr || t.next_style != nullptr,
                    "epilogue: styled needs next_style");
    STD_TORCH_CHECK(t.rgb == nullptr || t.rgb_weight != nullptr, "epilogue: rgb needs rgb_weight");
    STD_TORCH_CHECK(t.skip == nullptr || (skip_taps.has_value() && H % 2 == 0 && W % 2 == 0),
                    "epilogue: skip needs skip_taps and even sizes");
    draw(t, x, N, H, W);
    return t;
  }

 private:
  void draw(Tail& t, const torch::stable::Tensor& x, int64_t N, int64_t H, int64_t W) {
    const auto* ids =
        tail_pointer<int64_t>("sample_ids", sample_ids, torch::headeronly::ScalarType::Long, {N});
    if (ids == nullptr) return;
    drawn = torch::stable::new_empty(x, {N, H, W}, torch::headeronly::ScalarType::Float);
    float* to = static_cast<float*>(drawn->mutable_data_ptr());
    const uint64_t key = static_cast<uint64_t>(noise_key);
    torch::stable::parallel_for(0, N * H, 16, [=](int64_t first, int64_t last) {
      for (int64_t row = first; row < last; ++row)
        counted_noise_cpu(key, static_cast<uint64_t>(ids[row / H]), row % H * W, (row % H + 1) * W,
                          to + row * W);
    });
    t.noise = to, t.noise_step = H * W;
  }
};

}  // namespace steerx

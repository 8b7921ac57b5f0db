// What the private operators with a tail take, checked: they repeat what protects memory. The same
// on either device; only a CPU's kernels want drawn noise as a map.
#pragma once
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/core/ScalarType.h>
#include <torch/headeronly/util/Exception.h>

#include <limits>
#include <optional>
#include <vector>

#include "steerx/real.h"
#include "steerx/tail.h"

namespace steerx {

using torch::headeronly::ScalarType;
using torch::stable::Tensor;
using Maybe = std::optional<Tensor>;
using Taps = std::optional<std::vector<double>>;
using Sizes = std::vector<int64_t>;

inline Real tail_real(const char* op, const Tensor& x) {
  switch (x.scalar_type()) {
    case ScalarType::Float: return Real::float32;
    case ScalarType::Half: return Real::float16;
    case ScalarType::BFloat16: return Real::bfloat16;
    default: STD_TORCH_CHECK(false, op, ": x must be float32, float16 or bfloat16");
  }
}

// A contiguous tensor of this type and these sizes on x's device, or an error; null where absent.
template <typename T>
T* tail_pointer(const char* name, const Maybe& tensor, const Tensor& x, ScalarType type,
                const Sizes& sizes) {
  if (!tensor.has_value()) return nullptr;
  bool fits = tensor->scalar_type() == type && tensor->dim() == int64_t(sizes.size()) &&
              tensor->is_contiguous() && tensor->device() == x.device();
  for (size_t i = 0; fits && i < sizes.size(); ++i) fits = tensor->size(int64_t(i)) == sizes[i];
  STD_TORCH_CHECK(fits, "epilogue: ", name, " has another type, size, layout or device");
  return static_cast<T*>(const_cast<void*>(tensor->const_data_ptr()));
}

inline void four_taps(const char* name, const Taps& taps, float* to) {
  if (!taps.has_value()) return;
  STD_TORCH_CHECK(taps->size() == 4, "epilogue: ", name, " must be four numbers");
  for (size_t i = 0; i < 4; ++i) to[i] = static_cast<float>((*taps)[i]);
}

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

  // The tail of [N, H, W, O] in x's type, on x's device.
  Tail tail(const Tensor& x, int64_t N, int64_t H, int64_t W, int64_t O) const {
    const auto floats = ScalarType::Float;
    const auto kind = x.scalar_type();
    const auto limit = [](const std::optional<double>& clamp) {
      return clamp.has_value() ? static_cast<float>(*clamp)
                               : std::numeric_limits<float>::infinity();
    };
    const bool each = noise.has_value() && noise->dim() == 3;
    constexpr int64_t C = kPictureChannels;
    Tail t{};
    t.demodulation = tail_pointer<float>("demodulation", demodulation, x, floats, {N, O});
    t.bias = tail_pointer<float>("bias", bias, x, floats, {O});
    t.noise = tail_pointer<float>("noise", noise, x, floats, each ? Sizes{N, H, W} : Sizes{H, W});
    t.noise_step = each ? H * W : 0;
    t.sample_ids = tail_pointer<int64_t>("sample_ids", sample_ids, x, ScalarType::Long, {N});
    t.noise_key = static_cast<uint64_t>(noise_key);
    t.noise_strength = tail_pointer<float>("noise_strength", noise_strength, x, floats, {});
    t.slope = static_cast<float>(slope), t.gain = static_cast<float>(gain);
    t.clamp = limit(clamp), t.rgb_clamp = limit(rgb_clamp);
    t.next_style = tail_pointer<float>("next_style", next_style, x, floats, {N, O});
    t.y = tail_pointer<void>("y", y, x, kind, {N, H, W, O});
    t.styled = tail_pointer<void>("styled", styled, x, kind, {N, H, W, O});
    if (rgb.has_value() && rgb->scalar_type() == ScalarType::Byte) {
      STD_TORCH_CHECK(x.is_cpu(), "epilogue: rgb is float32 here; a CPU alone makes pixels");
      t.pixels = tail_pointer<uint8_t>("rgb", rgb, x, ScalarType::Byte, {N, H, W, C});
    } else {
      t.rgb = tail_pointer<float>("rgb", rgb, x, floats, {N, H, W, C});
    }
    t.rgb_weight = tail_pointer<float>("rgb_weight", rgb_weight, x, floats, {N, C, O});
    t.rgb_bias = tail_pointer<float>("rgb_bias", rgb_bias, x, floats, {C});
    t.skip = tail_pointer<float>("skip", skip, x, floats, {N, H / 2, W / 2, C});
    four_taps("skip_taps", skip_taps, t.skip_taps);
    STD_TORCH_CHECK(t.styled == nullptr || t.next_style != nullptr,
                    "epilogue: styled needs next_style");
    STD_TORCH_CHECK(!rgb.has_value() || (rgb_weight.has_value() && O > 0),
                    "epilogue: rgb needs rgb_weight and channels");
    STD_TORCH_CHECK(t.skip == nullptr || (skip_taps.has_value() && H % 2 == 0 && W % 2 == 0),
                    "epilogue: skip needs skip_taps and even sizes");
    return t;
  }
};

// A convolution's output as an epilogue takes it: plain, before its blur, or in four phases.
struct EpilogueInput {
  Real real;
  int64_t N, H, W, O;  // of the result
};

inline EpilogueInput epilogue_input(const Tensor& x, bool blurred, bool shuffled, bool pictured) {
  const Real real = tail_real("_epilogue", x);
  STD_TORCH_CHECK(x.is_contiguous() && x.dim() == (shuffled ? 5 : 4),
                  "_epilogue: x must be contiguous, channels last");
  STD_TORCH_CHECK(!shuffled || (blurred && x.size(3) == 4),
                  "_epilogue: shuffled is [N, h, w, 4, O], with a blur");
  STD_TORCH_CHECK(!pictured || !blurred, "_epilogue: rgb goes with no blur");
  const auto side = [&](int64_t size) {
    return shuffled ? 2 * size - 2 : blurred ? size - 1 : size;
  };
  return {real, x.size(0), side(x.size(1)), side(x.size(2)), x.size(x.dim() - 1)};
}

}  // namespace steerx

// style_layer: the tail's parts by name, as the epilogues' doors take them.
#include <pybind11/stl.h>

#include <cmath>
#include <limits>

#include "simt/door.h"
#include "steerx/style_layer.h"

namespace {

using pybind11::array;
using pybind11::dict;
using simt::expect_array;

// A part by name: a pointer to its numbers, null where it is absent.
template <typename T>
T* part(const dict& parts, const char* name, ssize_t bytes, const std::vector<ssize_t>& sizes) {
  if (!parts.contains(name)) return nullptr;
  array values = pybind11::cast<array>(parts[name]);
  expect_array(name, values, bytes, sizes);
  return static_cast<T*>(const_cast<void*>(values.data()));
}

template <typename T>
T number(const dict& parts, const char* name, T otherwise) {
  return parts.contains(name) ? pybind11::cast<T>(parts[name]) : otherwise;
}

void four(const dict& parts, const char* name, float* taps) {
  const auto values = number(parts, name, std::vector<float>(4));
  if (values.size() != 4) throw pybind11::value_error(std::string(name) + ": four numbers");
  for (int i = 0; i < 4; ++i) taps[i] = values[size_t(i)];
}

void style_layer(const std::string& type, const array& x, const array& weight, int up,
                 const dict& parts) {
  const steerx::Real real = simt::real_named(type);
  const ssize_t bytes = simt::real_bytes(real);
  const ssize_t N = x.shape(0), H = up * x.shape(1), W = up * x.shape(2), I = x.shape(3);
  const ssize_t O = weight.shape(0);
  const float infinity = std::numeric_limits<float>::infinity();
  expect_array("x", x, bytes, {N, H / up, W / up, I});
  expect_array("weight", weight, bytes, {O, 3, 3, I});
  const bool each = parts.contains("noise") && pybind11::cast<array>(parts["noise"]).ndim() == 3;
  using Sizes = std::vector<ssize_t>;
  steerx::StyleLayerParams p{};
  p.real = real, p.x = x.data(), p.weight = weight.data(), p.up = up;
  p.style = part<float>(parts, "style", 4, {N, I});
  p.N = N, p.H = H, p.W = W, p.I = I, p.O = O;
  p.blocks = number<int64_t>(parts, "blocks", 0);
  four(parts, "taps", p.taps);
  steerx::Tail& tail = p.tail;
  tail.demodulation = part<float>(parts, "demodulation", 4, {N, O});
  tail.bias = part<float>(parts, "bias", 4, {O});
  tail.noise = part<float>(parts, "noise", 4, each ? Sizes{N, H, W} : Sizes{H, W});
  tail.noise_step = each ? H * W : 0;
  tail.sample_ids = part<int64_t>(parts, "sample_ids", 8, {N});
  tail.noise_key = number<uint64_t>(parts, "noise_key", 0);
  tail.noise_strength = part<float>(parts, "noise_strength", 4, {1});
  tail.slope = number(parts, "slope", 0.2f);
  tail.gain = number(parts, "gain", std::sqrt(2.0f));
  tail.clamp = number(parts, "clamp", infinity);
  tail.y = part<void>(parts, "y", bytes, {N, H, W, O});
  tail.next_style = part<float>(parts, "next_style", 4, {N, O});
  tail.styled = part<void>(parts, "styled", bytes, {N, H, W, O});
  tail.rgb_weight = part<float>(parts, "rgb_weight", 4, {N, 3, O});
  tail.rgb_bias = part<float>(parts, "rgb_bias", 4, {3});
  tail.rgb_clamp = number(parts, "rgb_clamp", infinity);
  tail.skip = part<float>(parts, "skip", 4, {N, H / 2, W / 2, 3});
  four(parts, "skip_taps", tail.skip_taps);
  tail.rgb = part<float>(parts, "rgb", 4, {N, H, W, 3});
  simt::expect_well(steerx::style_layer_cuda(p, nullptr));
}

const simt::Door door([](pybind11::module_& m) {
  m.def("style_layer", &style_layer);
  m.def("style_layer_fits", [](const std::string& type, int64_t I, int64_t O, int up) {
    return steerx::style_layer_fits(simt::real_named(type), I, O, up);
  });
});

}  // namespace

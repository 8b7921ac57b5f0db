// style_epilogue and upsample_epilogue: one door each, with the parts of the tail by name.
#include <pybind11/stl.h>

#include <cmath>
#include <limits>

#include "simt/door.h"
#include "steerx/style_epilogue.h"
#include "steerx/upsample_epilogue.h"

namespace {

using pybind11::array;
using pybind11::dict;
using simt::expect_array;

// A part of the tail by name: a pointer to its numbers, null where it is absent.
template <typename T>
T* part(const dict& parts, const char* name, ssize_t bytes, const std::vector<ssize_t>& sizes) {
  if (!parts.contains(name)) return nullptr;
  array values = pybind11::cast<array>(parts[name]);
  expect_array(name, values, bytes, sizes);
  return static_cast<T*>(const_cast<void*>(values.data()));
}

float number(const dict& parts, const char* name, float otherwise) {
  return parts.contains(name) ? pybind11::cast<float>(parts[name]) : otherwise;
}

void four(const dict& parts, const char* name, float* taps) {
  if (!parts.contains(name)) return;
  const auto values = pybind11::cast<std::vector<float>>(parts[name]);
  if (values.size() != 4) throw pybind11::value_error(std::string(name) + ": four numbers");
  for (int i = 0; i < 4; ++i) taps[i] = values[size_t(i)];
}

steerx::Tail tail_of(const dict& parts, ssize_t bytes, ssize_t N, ssize_t H, ssize_t W, ssize_t O) {
  const float infinity = std::numeric_limits<float>::infinity();
  const bool each = parts.contains("noise") && pybind11::cast<array>(parts["noise"]).ndim() == 3;
  const std::vector<ssize_t> map =
      each ? std::vector<ssize_t>{N, H, W} : std::vector<ssize_t>{H, W};
  steerx::Tail tail{};
  tail.demodulation = part<float>(parts, "demodulation", 4, {N, O});
  tail.bias = part<float>(parts, "bias", 4, {O});
  tail.noise = part<float>(parts, "noise", 4, map);
  tail.noise_step = each ? H * W : 0;
  tail.sample_ids = part<int64_t>(parts, "sample_ids", 8, {N});
  if (parts.contains("noise_key")) tail.noise_key = pybind11::cast<uint64_t>(parts["noise_key"]);
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
  return tail;
}

void style_epilogue(const std::string& type, const array& x, const dict& parts) {
  const steerx::Real real = simt::real_named(type);
  const ssize_t bytes = simt::real_bytes(real);
  const ssize_t N = x.shape(0), H = x.shape(1), W = x.shape(2), O = x.shape(3);
  expect_array("x", x, bytes, {N, H, W, O});
  const steerx::StyleEpilogueParams p{
      real, x.data(), N, H, W, O, tail_of(parts, bytes, N, H, W, O)};
  simt::expect_well(steerx::style_epilogue_cuda(p, nullptr));
}

void upsample_epilogue(const std::string& type, const array& x, const dict& parts) {
  const steerx::Real real = simt::real_named(type);
  const ssize_t bytes = simt::real_bytes(real);
  const bool shuffled = x.ndim() == 5;
  const ssize_t N = x.shape(0), O = x.shape(x.ndim() - 1);
  const ssize_t H = shuffled ? 2 * x.shape(1) - 2 : x.shape(1) - 1;
  const ssize_t W = shuffled ? 2 * x.shape(2) - 2 : x.shape(2) - 1;
  using Sizes = std::vector<ssize_t>;
  expect_array("x", x, bytes,
               shuffled ? Sizes{N, H / 2 + 1, W / 2 + 1, 4, O} : Sizes{N, H + 1, W + 1, O});
  steerx::UpsampleEpilogueParams p{
      real, x.data(), shuffled, N, H, W, O, {}, tail_of(parts, bytes, N, H, W, O)};
  four(parts, "taps", p.taps);
  simt::expect_well(steerx::upsample_epilogue_cuda(p, nullptr));
}

const simt::Door door([](pybind11::module_& m) {
  m.def("style_epilogue", &style_epilogue);
  m.def("upsample_epilogue", &upsample_epilogue);
  m.def("epilogue_makes_rgb", [](const std::string& type, int64_t O) {
    return steerx::epilogue_makes_rgb(simt::real_named(type), O);
  });
});

}  // namespace

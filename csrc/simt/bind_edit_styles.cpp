#include "simt/door.h"
#include "steerx/edit_styles.h"

namespace {

using pybind11::array;
using simt::expect_array;

void edit_styles(const std::string& type, const array& base, const array& steps,
                 const array& alphas, const array& sources, const array& directions, array out) {
  const steerx::Real real = simt::real_named(type);
  const ssize_t bytes = simt::real_bytes(real), N = base.shape(0), S = base.shape(1);
  const ssize_t K = steps.shape(0), B = alphas.shape(0);
  expect_array("base", base, bytes, {N, S});
  expect_array("steps", steps, bytes, {K, S});
  expect_array("alphas", alphas, bytes, {B});
  expect_array("sources", sources, 8, {B});
  expect_array("directions", directions, 8, {B});
  expect_array("out", out, bytes, {B, S});
  const steerx::EditStylesParams p{real,
                                   base.data(),
                                   steps.data(),
                                   alphas.data(),
                                   static_cast<const int64_t*>(sources.data()),
                                   static_cast<const int64_t*>(directions.data()),
                                   out.mutable_data(),
                                   N,
                                   K,
                                   B,
                                   S};
  simt::expect_well(steerx::edit_styles_cuda(p, nullptr));
}

const simt::Door door([](pybind11::module_& m) { m.def("edit_styles", &edit_styles); });

}  // namespace

#include "simt/door.h"
#include "steerx/eigh.h"

namespace {

using pybind11::array;
using simt::expect_array;

void eigh(const array& a, array values, array vectors) {
  const ssize_t B = a.shape(0), n = a.shape(1);
  expect_array("a", a, 4, {B, n, n});
  expect_array("values", values, 4, {B, n});
  expect_array("vectors", vectors, 4, {B, n, n});
  if (n > steerx::kEighMost) throw pybind11::value_error("a: n is too large");
  simt::expect_well(steerx::eigh_cuda(
      {static_cast<const float*>(a.data()), static_cast<float*>(values.mutable_data()),
       static_cast<float*>(vectors.mutable_data()), B, n},
      nullptr));
}

const simt::Door door([](pybind11::module_& m) { m.def("eigh", &eigh); });

}  // namespace

#include "simt/door.h"
#include "steerx/moments.h"

namespace {

using pybind11::array;
using simt::expect_array;

// `shift` may be empty; `partial` is [parts, D + 1, D].
void moments(const std::string& type, const array& x, const array& shift, array sum, array products,
             array partial) {
  const steerx::Real real = simt::real_named(type);
  const ssize_t N = x.shape(0), D = x.shape(1);
  expect_array("x", x, simt::real_bytes(real), {N, D});
  if (shift.size() != 0) expect_array("shift", shift, 4, {D});
  expect_array("sum", sum, 8, {D});
  expect_array("products", products, 8, {D, D});
  expect_array("partial", partial, 8, {ssize_t(steerx::moments_parts(N)), D + 1, D});
  simt::expect_well(steerx::moments_cuda(
      {real, x.data(), shift.size() == 0 ? nullptr : static_cast<const float*>(shift.data()),
       static_cast<double*>(sum.mutable_data()), static_cast<double*>(products.mutable_data()),
       static_cast<double*>(partial.mutable_data()), N, D},
      nullptr));
}

const simt::Door door([](pybind11::module_& m) {
  m.def("moments", &moments);
  m.def("moments_parts", &steerx::moments_parts);
});

}  // namespace

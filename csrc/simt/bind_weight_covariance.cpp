#include "simt/door.h"
#include "steerx/weight_covariance.h"

namespace {

using pybind11::array;
using simt::expect_array;

void weight_covariance(const array& rows, const array& offsets, bool normalize, array lengths,
                       array out) {
  const ssize_t S = rows.shape(0), D = rows.shape(1), G = offsets.shape(0) - 1;
  expect_array("rows", rows, 4, {S, D});
  expect_array("offsets", offsets, 8, {G + 1});
  expect_array("lengths", lengths, 4, {S});
  expect_array("out", out, 8, {G, D, D});
  simt::expect_well(steerx::weight_covariance_cuda(
      {static_cast<const float*>(rows.data()), static_cast<const int64_t*>(offsets.data()),
       normalize, static_cast<float*>(lengths.mutable_data()),
       static_cast<double*>(out.mutable_data()), S, D, G},
      nullptr));
}

const simt::Door door([](pybind11::module_& m) { m.def("weight_covariance", &weight_covariance); });

}  // namespace

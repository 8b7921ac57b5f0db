// How a kernel's launcher gets a door to Python: a file bind_<kernel>.cpp with one Door at its end.
//
//   const simt::Door door([](pybind11::module_& m) { m.def("edit_styles", &edit_styles, ...); });
//
// Arrays are numpy's, without conversion: a wrong type or a strided view is an error of the test
// and not a silent copy. 16-bit floats travel as uint16 beside the name of their type.
#pragma once
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "simt/simt.h"
#include "steerx/real.h"

namespace simt {

struct Door {
  using Open = void (*)(pybind11::module_&);
  explicit Door(Open open) { all().push_back(open); }
  static std::vector<Open>& all() {
    static std::vector<Open> doors;
    return doors;
  }
};

inline steerx::Real real_named(const std::string& name) {
  using steerx::Real;
  if (name == "float32") return Real::float32;
  if (name == "float64") return Real::float64;
  if (name == "float16") return Real::float16;
  if (name == "bfloat16") return Real::bfloat16;
  throw pybind11::value_error("no type " + name);
}

inline ssize_t real_bytes(steerx::Real real) {
  using steerx::Real;
  return real == Real::float64 ? 8 : real == Real::float32 ? 4 : 2;
}

// A contiguous array of these sizes whose elements are as wide as `bytes`, or a ValueError.
inline void expect_array(const char* name, const pybind11::array& array, ssize_t bytes,
                         const std::vector<ssize_t>& sizes) {
  bool fits = array.itemsize() == bytes && array.ndim() == ssize_t(sizes.size()) &&
              (array.flags() & pybind11::array::c_style);
  for (size_t i = 0; fits && i < sizes.size(); ++i) fits = array.shape(ssize_t(i)) == sizes[i];
  if (!fits) throw pybind11::value_error(std::string(name) + ": another type, size or layout");
}

// Lets the runner's message out as a RuntimeError.
inline void expect_well(int status) {
  if (status != 0) throw std::runtime_error(host::last_error());
}

}  // namespace simt

// Python's door to what has no torch in it: the module of kernels that run on the CPU for tests.
// Built by CMake for one python and never shipped, so it may use the full Python API.
#include <pybind11/pybind11.h>

#include "steerx/isa.h"

namespace {

pybind11::dict build_info() {
  pybind11::dict info;
  info["compiler"] = __VERSION__;
  info["isa"] = steerx::isa_name(steerx::isa_chosen());
#if defined(__SANITIZE_ADDRESS__)
  info["sanitizer"] = "address";
#elif defined(__SANITIZE_THREAD__)
  info["sanitizer"] = "thread";
#else
  info["sanitizer"] = "";
#endif
  return info;
}

}  // namespace

PYBIND11_MODULE(steerx_simt, m) {
  m.doc() = "The torch-free half of steerx, for tests.";
  m.def("build_info", &build_info, "How this module was built: compiler, isa, sanitizer.");
}

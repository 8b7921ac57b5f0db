// Python's door to what has no torch in it: the module of kernels that run on the CPU for tests.
// Built by CMake for one python and never shipped, so it may use the full Python API.
#include "simt/door.h"
#include "steerx/isa.h"

namespace {

pybind11::dict build_info() {
  pybind11::dict info;
  info["compiler"] = __VERSION__;
  info["isa"] = steerx::isa_name(steerx::isa_widest());
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
  using simt::host::Order;
  m.doc() = "The torch-free half of steerx, for tests.";
  m.def("build_info", &build_info, "How this module was built: compiler, isa, sanitizer.");
  pybind11::enum_<Order>(m, "Order", "The order in which threads and blocks take their turns.")
      .value("forward", Order::forward)
      .value("reverse", Order::reverse)
      .value("random", Order::random);
  m.def("set_order", &simt::host::set_order, pybind11::arg("order"), pybind11::arg("seed") = 0);
  for (const simt::Door::Open open : simt::Door::all()) open(m);
}

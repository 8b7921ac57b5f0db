// steerx::build_info() -> str: how this library was built and what it chose, as JSON.
#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <torch/csrc/stable/library.h>

#include <string>

#include "chosen_isa.h"
#include "cuda_binding.h"

#define STEERX_TEXT_(...) #__VA_ARGS__
#define STEERX_TEXT(...) STEERX_TEXT_(__VA_ARGS__)

namespace steerx {
namespace {

std::string json_text(const std::string& text) { return '"' + text + '"'; }

#ifdef STEERX_WITH_CUDA
// 13000 -> 13.0
std::string version_text(int version) {
  return std::to_string(version / 1000) + '.' + std::to_string(version % 1000 / 10);
}

std::string driver_complaint() {
  if (cuda_driver_serves()) return "";
  return "the CUDA driver runs CUDA " + version_text(cuda_driver_version()) +
         ", the kernels need CUDA " + version_text(cuda_runtime_version()) +
         "; install a newer driver";
}
#endif

std::string build_info() {
  std::string cuda = "null", archs = "[]", driver = "null";
#ifdef STEERX_WITH_CUDA
  cuda = json_text(version_text(cuda_runtime_version()));
  archs.clear();  // 80+PTX,90a -> ["80+PTX", "90a"]
  for (const char c : std::string(STEERX_TEXT(STEERX_CUDA_ARCHS)))
    archs += c == ',' ? std::string("\", \"") : std::string(1, c);
  archs = '[' + json_text(archs) + ']';
  if (!driver_complaint().empty()) driver = json_text(driver_complaint());
#endif
  return "{\"cuda\": " + cuda + ", \"archs\": " + archs +
         ", \"isa\": " + json_text(isa_name(isa_chosen())) +
         ", \"compiler\": " + json_text(__VERSION__) + ", \"driver\": " + driver + '}';
}

}  // namespace
}  // namespace steerx

STABLE_TORCH_LIBRARY_FRAGMENT(steerx, m) { m.def("build_info() -> str"); }
STABLE_TORCH_LIBRARY_IMPL(steerx, CompositeExplicitAutograd, m) {
  m.impl("build_info", TORCH_BOX(&steerx::build_info));
#ifdef STEERX_WITH_CUDA
  const std::string complaint = steerx::driver_complaint();
  if (!complaint.empty())
    aoti_torch_warn(__func__, __FILE__, __LINE__,
                    ("steerx: CUDA kernels are not used: " + complaint).c_str());
#endif
}

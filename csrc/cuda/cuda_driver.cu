#include <cuda_runtime.h>
#include <dlfcn.h>

#include "steerx/cuda_driver.h"

namespace steerx {

int cuda_runtime_version() { return CUDART_VERSION; }

// The driver library is asked directly: no context, and a test can put a stand-in before it.
int cuda_driver_version() {
  int version = 0;
  void* driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (driver == nullptr) return 0;
  const auto ask = reinterpret_cast<int (*)(int*)>(dlsym(driver, "cuDriverGetVersion"));
  return ask != nullptr && ask(&version) == 0 ? version : 0;
}

const char* cuda_error_text(int status) {
  if (status == cudaErrorNoKernelImageForDevice)
    return "the library was built for other GPUs than this one; build it again with "
           "STEERX_CUDA_ARCHS set to its compute capability, such as 75 (steerx doctor tells)";
  return cudaGetErrorString(static_cast<cudaError_t>(status));
}

}  // namespace steerx

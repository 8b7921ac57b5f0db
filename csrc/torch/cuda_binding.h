// What every CUDA binding needs of torch: the current stream, and whether the kernels can be
// registered at all.
#pragma once
#ifdef STEERX_WITH_CUDA
#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <torch/csrc/stable/tensor.h>

#include "steerx/cuda_driver.h"

// Weak: found in libtorch_cuda under a CUDA build of torch, null under a CPU build. One binary
// serves both.
extern "C" __attribute__((weak)) AOTITorchError
aoti_torch_get_current_cuda_stream(int32_t device_index, void** ret_stream);

namespace steerx {

// False where a driver is installed that is older than the linked runtime: every launch would fail.
// Without any driver the kernels are registered, so that a machine without a GPU can show that they
// are there.
inline bool cuda_driver_serves() {
  const int driver = cuda_driver_version();
  return driver == 0 || driver / 1000 >= cuda_runtime_version() / 1000;
}

// Torch's current stream on the tensor's device; hold a DeviceGuard.
inline void* current_stream(const torch::stable::Tensor& tensor) {
  STD_TORCH_CHECK(aoti_torch_get_current_cuda_stream != nullptr,
                  "this torch was built without CUDA");
  void* stream = nullptr;
  STABLE_TORCH_ERROR_CODE_CHECK(
      aoti_torch_get_current_cuda_stream(tensor.get_device_index(), &stream));
  return stream;
}

}  // namespace steerx
#endif

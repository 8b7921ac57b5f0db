// Launcher of upsample_epilogue.cuh. No picture is made of an upsampling layer.
#include "upsample_epilogue.cuh"

namespace steerx {
namespace {

constexpr int kRefused = 1;  // cudaErrorInvalidValue

template <typename T, int kWidth>
int launch(const UpsampleEpilogueParams& p, void* stream) {
  const auto kernel = p.shuffled ? upsample_epilogue_kernel<T, kWidth, true>
                                 : upsample_epilogue_kernel<T, kWidth, false>;
  return simt::launch(kernel, tail_grid(p, kWidth), kTailThreads, 0, stream, p);
}

template <typename T>
int launch(const UpsampleEpilogueParams& p, void* stream) {
  if (tail_takes_packs<T>(p.x, p.O, p.tail)) return launch<T, 16 / int(sizeof(T))>(p, stream);
  return launch<T, 1>(p, stream);
}

}  // namespace

int upsample_epilogue_cuda(const UpsampleEpilogueParams& p, void* stream) {
  if (p.N == 0 || p.H == 0 || p.W == 0 || p.O == 0) return 0;
  if (p.tail.rgb != nullptr) return kRefused;
  switch (p.real) {
    case Real::float32: return launch<float>(p, stream);
    case Real::float16: return launch<simt::Half>(p, stream);
    case Real::bfloat16: return launch<simt::BFloat16>(p, stream);
    case Real::float64: return kRefused;
  }
  return kRefused;
}

}  // namespace steerx

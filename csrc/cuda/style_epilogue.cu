// Launcher of style_epilogue.cuh: chooses type, width, and whether the picture is made too.
#include "style_epilogue.cuh"

namespace steerx {
namespace {

constexpr int kRefused = 1;  // cudaErrorInvalidValue

template <typename T, int kWidth>
int launch(const StyleEpilogueParams& p, void* stream) {
  const dim3 grid = tail_grid(p, kWidth);
  if (p.tail.rgb == nullptr)
    return simt::launch(style_epilogue_kernel<T, kWidth, false>, grid, kTailThreads, 0, stream, p);
  if (!tail_reduces(p.O / kWidth)) return kRefused;
  return simt::launch(style_epilogue_kernel<T, kWidth, true>, grid, kTailThreads, 0, stream, p);
}

template <typename T>
int launch(const StyleEpilogueParams& p, void* stream) {
  if (tail_takes_packs<T>(p.x, p.O, p.tail)) return launch<T, 16 / int(sizeof(T))>(p, stream);
  return launch<T, 1>(p, stream);
}

}  // namespace

bool epilogue_makes_rgb(Real real, int64_t O) {
  const int64_t width = real == Real::float32 ? 4 : 8;
  return O % width == 0 && tail_reduces(O / width);
}

int style_epilogue_cuda(const StyleEpilogueParams& p, void* stream) {
  if (p.N == 0 || p.H == 0 || p.W == 0 || p.O == 0) return 0;
  switch (p.real) {
    case Real::float32: return launch<float>(p, stream);
    case Real::float16: return launch<simt::Half>(p, stream);
    case Real::bfloat16: return launch<simt::BFloat16>(p, stream);
    case Real::float64: return kRefused;
  }
  return kRefused;
}

}  // namespace steerx

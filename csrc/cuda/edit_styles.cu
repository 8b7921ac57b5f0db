// Launcher of edit_styles.cuh: chooses type and width, caps the grid.
#include "edit_styles.cuh"

namespace steerx {
namespace {

constexpr int kBytes = 16;              // widest access of a thread
constexpr int64_t kMaxBlocksX = 1024;   // beyond it a block strides over columns
constexpr int64_t kMaxBlocksY = 65535;  // limit of grid.y; beyond it a block strides over rows

bool aligned(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer) % kBytes == 0; }

template <typename T, int kWidth>
int launch(const EditStylesParams& p, void* stream) {
  const int64_t columns = (p.S / kWidth + kEditStylesThreads - 1) / kEditStylesThreads;
  const dim3 grid(static_cast<unsigned>(columns < kMaxBlocksX ? columns : kMaxBlocksX),
                  static_cast<unsigned>(p.B < kMaxBlocksY ? p.B : kMaxBlocksY));
  return simt::launch(edit_styles_kernel<T, kWidth>, grid, kEditStylesThreads, 0, stream, p);
}

template <typename T>
int launch(const EditStylesParams& p, void* stream) {
  constexpr int kWidth = kBytes / static_cast<int>(sizeof(T));
  if (p.S % kWidth == 0 && aligned(p.base) && aligned(p.steps) && aligned(p.out))
    return launch<T, kWidth>(p, stream);
  return launch<T, 1>(p, stream);
}

}  // namespace

int edit_styles_cuda(const EditStylesParams& p, void* stream) {
  if (p.B == 0 || p.S == 0) return 0;
  switch (p.real) {
    case Real::float32: return launch<float>(p, stream);
    case Real::float64: return launch<double>(p, stream);
    case Real::float16: return launch<simt::Half>(p, stream);
    case Real::bfloat16: return launch<simt::BFloat16>(p, stream);
  }
  return 0;
}

}  // namespace steerx

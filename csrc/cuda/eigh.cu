// Launcher of eigh.cuh: as many threads as a matrix keeps busy, shared memory to measure.
#include "eigh.cuh"

namespace steerx {
namespace {

constexpr int kRefused = 1;            // cudaErrorInvalidValue
constexpr int64_t kMostBlocks = 2048;  // beyond it a block strides over the batch

}  // namespace

int eigh_cuda(const EighParams& p, void* stream) {
  if (p.n > kEighMost) return kRefused;
  if (p.B == 0 || p.n == 0) return 0;
  const size_t N = static_cast<size_t>(p.n + p.n % 2);
  const int threads = p.n <= 8 ? 32 : p.n <= 24 ? 128 : kEighThreads;
  const dim3 grid(static_cast<unsigned>(p.B < kMostBlocks ? p.B : kMostBlocks));
  return simt::launch(eigh_kernel, grid, threads, 2 * N * N * sizeof(float), stream, p);
}

}  // namespace steerx

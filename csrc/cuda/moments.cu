// Launcher of moments.cuh: cuts the rows into parts, then adds them up.
#include "moments.cuh"

namespace steerx {
namespace {

constexpr int kRefused = 1;            // cudaErrorInvalidValue
constexpr int64_t kMostParts = 16;     // enough blocks for D = 512, little to add up
constexpr int64_t kLeastRows = 1024;   // of a part
constexpr int64_t kMostBlocks = 1024;  // of the merge; beyond it a block strides

int64_t part_length(int64_t N) {
  const int64_t even = (N + kMostParts - 1) / kMostParts;
  const int64_t chunks = (even + kTileChunk - 1) / kTileChunk;
  return chunks * kTileChunk < kLeastRows ? kLeastRows : chunks * kTileChunk;
}

template <typename T>
int launch(const MomentsParams& p, void* stream) {
  const int64_t parts = moments_parts(p.N), blocks = ((p.D + 1) * p.D - 1) / kTileThreads + 1;
  const dim3 grid(static_cast<unsigned>(tile_count(p.D)), static_cast<unsigned>(parts));
  const int status =
      simt::launch(moments_part_kernel<T>, grid, kTileThreads, 0, stream, p, part_length(p.N));
  if (status != 0) return status;
  const unsigned merging = static_cast<unsigned>(blocks < kMostBlocks ? blocks : kMostBlocks);
  return simt::launch(moments_merge_kernel, merging, kTileThreads, 0, stream, p, parts);
}

}  // namespace

int64_t moments_parts(int64_t N) { return (N + part_length(N) - 1) / part_length(N); }

int moments_cuda(const MomentsParams& p, void* stream) {
  if (p.N == 0 || p.D == 0) return 0;
  switch (p.real) {
    case Real::float32: return launch<float>(p, stream);
    case Real::float16: return launch<simt::Half>(p, stream);
    case Real::bfloat16: return launch<simt::BFloat16>(p, stream);
    case Real::float64: return kRefused;
  }
  return kRefused;
}

}  // namespace steerx

// Launcher of weight_covariance.cuh.
#include "weight_covariance.cuh"

namespace steerx {
namespace {

constexpr int kRefused = 1;            // cudaErrorInvalidValue
constexpr int64_t kMostBlocks = 1024;  // of the lengths; beyond it a warp strides

}  // namespace

int weight_covariance_cuda(const WeightCovarianceParams& p, void* stream) {
  if (p.G == 0 || p.D == 0) return 0;
  for (int64_t g = 0; g < p.G; ++g)
    if (p.offsets[g] < 0 || p.offsets[g + 1] < p.offsets[g] || p.offsets[g + 1] > p.S)
      return kRefused;
  if (p.normalize && p.S > 0) {
    const int64_t blocks = (p.S * 32 + kTileThreads - 1) / kTileThreads;
    const unsigned grid = static_cast<unsigned>(blocks < kMostBlocks ? blocks : kMostBlocks);
    const int status = simt::launch(row_lengths_kernel, grid, kTileThreads, 0, stream, p);
    if (status != 0) return status;
  }
  const TileSource<float> source{p.rows, nullptr, p.normalize ? p.lengths : nullptr, p.D};
  for (int64_t done = 0; done < p.G; done += kLayersAtOnce) {
    const int64_t layers = p.G - done < kLayersAtOnce ? p.G - done : kLayersAtOnce;
    LayerRows rows{};
    for (int64_t g = 0; g < layers; ++g) {
      rows.first[g] = p.offsets[done + g];
      rows.last[g] = p.offsets[done + g + 1];
    }
    const dim3 grid(static_cast<unsigned>(tile_count(p.D)), static_cast<unsigned>(layers));
    const int status = simt::launch(weight_covariance_kernel, grid, kTileThreads, 0, stream, source,
                                    rows, p.out + done * p.D * p.D);
    if (status != 0) return status;
  }
  return 0;
}

}  // namespace steerx

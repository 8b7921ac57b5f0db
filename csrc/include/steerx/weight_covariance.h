// weight_covariance: out[g] = sum over the rows r of layer g of r r^T, or of unit rows r / |r|.
#pragma once
#include <cstdint>

namespace steerx {

// Everything is contiguous and, but for offsets, on the device.
struct WeightCovarianceParams {
  const float* rows;       // [S, D], the style weights of all layers, one below the other
  const int64_t* offsets;  // [G + 1] on the host; layer g is rows offsets[g] ... offsets[g + 1] - 1
  bool normalize;          // rows of unit length; a row of zeros stays zero
  float* lengths;          // workspace [S], 1 / |r|; only where normalize
  double* out;             // [G, D, D]
  int64_t S, D, G;
};

// Offsets must ascend and lie in 0 ... S. Returns a CUDA status (0 = success); takes a stream,
// never waits, never allocates, accepts empty input.
int weight_covariance_cuda(const WeightCovarianceParams& p, void* stream);

}  // namespace steerx

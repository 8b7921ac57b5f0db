// moments: adds a chunk of rows to a running sum and sum of products about a shift, from which mean
// and covariance of a stream follow: sum += sum_n y_n, products += sum_n y_n y_n^T, y = x - shift.
#pragma once
#include <cstdint>

#include "steerx/real.h"

namespace steerx {

// Everything is contiguous and on the device.
struct MomentsParams {
  Real real;           // float32, float16 or bfloat16
  const void* x;       // [N, D]  T
  const float* shift;  // [D], near the mean; null = 0
  double* sum;         // [D]
  double* products;    // [D, D]
  double* partial;     // workspace [moments_parts(N), D + 1, D]
  int64_t N, D;
};

// Into how many parts N rows are cut: by N alone, so that the same rows give the same bits.
int64_t moments_parts(int64_t N);

// Returns a CUDA status (0 = success); takes a stream, never waits, never allocates, accepts empty
// input.
int moments_cuda(const MomentsParams& p, void* stream);

}  // namespace steerx

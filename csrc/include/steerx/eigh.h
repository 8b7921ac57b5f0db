// eigh: eigenvalues and eigenvectors of a batch of small symmetric matrices, sorted descending.
#pragma once
#include <cstdint>

namespace steerx {

constexpr int64_t kEighMost = 64;  // largest n of the kernel; larger matrices belong to the library

// Everything is contiguous and on the device.
struct EighParams {
  const float* a;  // [B, n, n]; its symmetric part counts
  float* values;   // [B, n], descending
  float* vectors;  // [B, n, n], columns; the largest-magnitude entry of each is positive
  int64_t B, n;    // n <= kEighMost
};

// A matrix that holds NaN or infinity gives NaN everywhere. Returns a CUDA status (0 = success);
// takes a stream, never waits, never allocates, accepts empty input.
int eigh_cuda(const EighParams& p, void* stream);

}  // namespace steerx

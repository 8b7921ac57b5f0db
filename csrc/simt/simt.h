// The dialect of our kernels: CUDA under nvcc; under any C++20 compiler the same text runs on the
// CPU, one fiber per thread, with everything checked that a GPU leaves to chance (host.h).
//
//   SIMT_KERNEL, SIMT_DEVICE              __global__, __device__ __forceinline__
//   SIMT_SHARED(tile, float[18][19]);     __shared__ float tile[18][19];
//   SIMT_DYNAMIC_SHARED(buffer, float);   extern __shared__ float buffer[];
//   simt::launch(kernel, grid, block, shared_bytes, stream, arguments...)   returns a status, 0 =
//   well simt::Half, simt::BFloat16            explicit conversions from and to float simt::mma_*,
//   simt::ldmatrix_*, simt::cp_async*   instructions; PTX stands in device.h alone
//
// All else is as in CUDA: threadIdx, __syncthreads, __syncwarp, __shfl_*_sync, __ballot_sync,
// __any_sync, __all_sync, atomicAdd, __launch_bounds__.
#pragma once
#if defined(__CUDACC__)
#include "device.h"
#else
#include "host.h"
#endif

// One block solves one matrix in shared memory by parallel Jacobi, then strides over the batch. The
// rows are dealt into m = N / 2 disjoint pairs (N is n made even by a row of zeros, which nothing
// turns); N - 1 rounds of a tournament let every pair meet once, a sweep. In a round thread k < m
// finds the rotation of pair k and turns its own 2x2 block; then a thread owns a block where two
// pairs cross, with its mirror image, and entries of both vectors of a pair: no two threads share
// an element. Eight to fourteen sweeps are what n = 64 takes; thirty end it in any case.
// Bound: latency, 2 (N - 1) barriers a sweep with work for N^2 / 2 threads in between; a sweep is
// about 12 N^3 flops, and only a batch fills the machine. bench/bench_eigh.py
#pragma once
#include <cmath>

#include "simt/simt.h"
#include "steerx/eigh.h"

namespace steerx {

constexpr int kEighThreads = 256;  // at most; whole warps, the first of which finds the rotations
constexpr int kEighSweeps = 30;
constexpr float kEighNothing = 1.0f / (1 << 26);  // off the diagonal, where the largest is 1/2 to 1

// Turns rows `first` and `second` by an angle of this sine; half is the tangent of half the angle.
struct alignas(16) EighTurn {
  int first, second;
  float sine, half;

  // A small angle makes a small error in this form (Rutishauser, Numerische Mathematik 9, 1966).
  SIMT_DEVICE void apply(float& x, float& y) const {
    const float x0 = x, y0 = y;
    x = x0 - sine * (y0 + half * x0);
    y = y0 + sine * (x0 - half * y0);
  }
};

// Where a vector goes in the result.
struct EighPlace {
  int rank;
  float sign;
};

// A matrix and its vectors in shared memory, with the threads of its block.
struct EighMatrix {
  float* a;        // [N, N]
  float* vectors;  // [N, N], rows
  EighTurn* turns;
  int n, N;

  // The symmetric part of `from`, and vectors = 1. Returns the largest magnitude of this thread's
  // elements, infinity where one is not finite.
  SIMT_DEVICE float load(const float* from) const {
    float most = 0;
    for (int t = threadIdx.x; t < N * N; t += blockDim.x) {
      const int i = t / N, j = t % N;
      const float value = i < n && j < n ? 0.5f * from[i * n + j] + 0.5f * from[j * n + i] : 0.0f;
      const float size = fabsf(value) < INFINITY ? fabsf(value) : INFINITY;
      most = size > most ? size : most;
      a[t] = value;
      vectors[t] = i == j ? 1.0f : 0.0f;
    }
    return most;
  }

  // The elements that this thread loaded, times 2^exponent.
  SIMT_DEVICE void scale(int exponent) const {
    for (int t = threadIdx.x; t < N * N; t += blockDim.x) a[t] = ldexpf(a[t], exponent);
  }

  // Pair `pair` of a round: its rotation makes a[first][second] zero. False where it is nothing.
  SIMT_DEVICE bool find(int round, int pair) const {
    const int others = N - 1, first = (round + pair) % others;
    const int second = pair == 0 ? others : (round - pair + others) % others;
    const float off = a[first * N + second];
    const bool turned = fabsf(off) > kEighNothing;
    float sine = 0, half = 0;
    if (turned) {
      const float x = a[first * N + first], y = a[second * N + second];
      const float cotangent = (y - x) / (2 * off);  // of twice the angle
      const float size = 1 / (fabsf(cotangent) + sqrtf(1 + cotangent * cotangent));
      const float tangent = cotangent < 0 ? -size : size, cosine = 1 / sqrtf(1 + tangent * tangent);
      sine = tangent * cosine;
      half = sine / (1 + cosine);
      a[first * N + first] = x - tangent * off;
      a[second * N + second] = y + tangent * off;
      a[first * N + second] = a[second * N + first] = 0;
    }
    turns[pair] = {first, second, sine, half};
    return turned;
  }

  // Every block where two pairs cross; neighbouring threads differ in both, which spares banks.
  SIMT_DEVICE void cross() const {
    const int pairs = N / 2;
    for (int t = threadIdx.x; t < pairs * (pairs / 2); t += blockDim.x) {
      const int one = t % pairs, apart = t / pairs + 1;
      if (2 * apart == pairs && one >= apart) continue;  // met from the other side
      const EighTurn p = turns[one], q = turns[(one + apart) % pairs];
      float* const top = a + p.first * N;
      float* const bottom = a + p.second * N;
      float x = top[q.first], y = bottom[q.first], z = top[q.second], w = bottom[q.second];
      p.apply(x, y);
      p.apply(z, w);
      q.apply(x, z);
      q.apply(y, w);
      top[q.first] = a[q.first * N + p.first] = x;
      bottom[q.first] = a[q.first * N + p.second] = y;
      top[q.second] = a[q.second * N + p.first] = z;
      bottom[q.second] = a[q.second * N + p.second] = w;
    }
    for (int t = threadIdx.x; t < pairs * N; t += blockDim.x) {
      const EighTurn p = turns[t / N];
      p.apply(vectors[p.first * N + t % N], vectors[p.second * N + t % N]);
    }
  }

  // Vector j's place: behind the larger values, and behind equal ones that stand before it.
  SIMT_DEVICE EighPlace place(int j) const {
    const float value = a[j * N + j];
    EighPlace place{0, 1};
    float most = 0;
    for (int i = 0; i < n; ++i) {
      const float other = a[i * N + i], entry = vectors[j * N + i];
      place.rank += other > value || (other == value && i < j);
      if (fabsf(entry) > most) most = fabsf(entry), place.sign = entry < 0 ? -1.0f : 1.0f;
    }
    return place;
  }
};

SIMT_KERNEL void __launch_bounds__(kEighThreads) eigh_kernel(EighParams p) {
  SIMT_DYNAMIC_SHARED(room, float);
  SIMT_SHARED(turns, EighTurn[kEighMost / 2]);
  SIMT_SHARED(places, EighPlace[kEighMost]);
  SIMT_SHARED(largest, float[kEighThreads / 32]);
  SIMT_SHARED(working, int[1]);
  const int n = static_cast<int>(p.n), N = n + n % 2, self = threadIdx.x;
  const EighMatrix matrix{room, room + N * N, turns, n, N};
  for (int64_t b = blockIdx.x; b < p.B; b += gridDim.x) {
    float* const values = p.values + b * n;
    float* const vectors = p.vectors + b * n * n;
    float most = matrix.load(p.a + b * n * n);
    for (int step = 16; step > 0; step /= 2) {
      const float other = __shfl_xor_sync(~0u, most, step);
      most = other > most ? other : most;
    }
    if (self % 32 == 0) largest[self / 32] = most;
    __syncthreads();
    for (int warp = 0; warp < int(blockDim.x) / 32; ++warp)
      most = largest[warp] > most ? largest[warp] : most;
    if (most < INFINITY) {
      int exponent;
      frexpf(most, &exponent);
      matrix.scale(-exponent);
      __syncthreads();
      for (int sweep = 0; sweep < kEighSweeps; ++sweep) {
        bool turned = false;
        for (int round = 0; round < N - 1; ++round) {
          if (self < N / 2) turned = matrix.find(round, self) || turned;
          __syncthreads();
          matrix.cross();
          __syncthreads();
        }
        if (self < 32) turned = __any_sync(~0u, turned);
        if (self == 0) working[0] = turned;
        __syncthreads();
        if (!working[0]) break;
      }
      if (self < n) {  // a block has a thread for every row
        places[self] = matrix.place(self);
        values[places[self].rank] = ldexpf(room[self * N + self], exponent);
      }
      __syncthreads();
      for (int t = self; t < n * n; t += blockDim.x) {
        const EighPlace place = places[t % n];
        vectors[t / n * n + place.rank] = place.sign * matrix.vectors[t % n * N + t / n];
      }
    } else {
      const float nan = __int_as_float(0x7fffffff);
      if (self < n) values[self] = nan;
      for (int t = self; t < n * n; t += blockDim.x) vectors[t] = nan;
    }
    __syncthreads();  // the next matrix waits for the last reader of this one
  }
}

}  // namespace steerx

// simt.h on the CPU. Blocks run one after another, their threads as fibers that change over at
// every barrier and warp collective. Shared memory is fresh for every block, exact in size, and
// holds NaN. What a kernel does wrong ends the launch with a message that names file, line and
// thread.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <source_location>

#include "real16.h"

#define SIMT_KERNEL
#define SIMT_DEVICE inline
#define SIMT_SHARED(name, ...)                                                \
  static const char name##_key_ = 0;                                          \
  auto& name = *static_cast<::simt::Type<__VA_ARGS__>*>(::simt::host::shared( \
      &name##_key_, sizeof(::simt::Type<__VA_ARGS__>), alignof(::simt::Type<__VA_ARGS__>)))
#define SIMT_DYNAMIC_SHARED(name, ...) \
  __VA_ARGS__* name = static_cast<__VA_ARGS__*>(::simt::host::dynamic_shared())
#define __launch_bounds__(...)

struct uint3 {
  unsigned x = 0, y = 0, z = 0;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

namespace simt {

template <typename T>
using Type = T;

inline double sin_pi(double x) { return std::sin(3.14159265358979323846 * x); }
inline double cos_pi(double x) { return std::cos(3.14159265358979323846 * x); }

namespace host {

using Place = std::source_location;

struct Indices {
  uint3 thread, block;
  dim3 block_dim, grid_dim;
};
extern thread_local const Indices* indices;  // of the thread that runs

enum class Shuffle { from, up, down, exchange };
enum class Matrix { bfloat16, half, tf32 };

void* shared(const void* key, size_t size, size_t align);
void* dynamic_shared();
void barrier(const Place&);
void warp_barrier(unsigned mask, const Place&);
void shuffle(Shuffle, unsigned mask, void* value, size_t size, int argument, int width,
             const Place&);
unsigned ballot(unsigned mask, bool vote, const Place&);
void mma(Matrix, float* d, const uint32_t* a, const uint32_t* b, const Place&);
void ldmatrix(uint32_t* r, const void* row, bool transposed, const Place&);
void cp_async(void* shared, const void* global, size_t bytes, bool wanted, const Place&);
void cp_async_commit();
void cp_async_wait(int pending);

// The order in which the threads of a block take their turns, and blocks theirs.
enum class Order { forward, reverse, random };
void set_order(Order, unsigned seed = 0);

// The largest grid that launches get, as if kernels had asked for no more: blocks that stride must
// do all the work all the same.
void set_most_blocks(dim3 most);
constexpr dim3 kAllBlocks(0x7fffffff, 65535, 65535);

using Body = void (*)(void*);
int run(dim3 grid, dim3 block, size_t shared_bytes, Body, void* argument);
const char* last_error();  // of the last launch that returned another status than 0

}  // namespace host

template <typename... P, typename... A>
int launch(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared_bytes, void*,
           A... arguments) {
  auto body = [&] { kernel(static_cast<P>(arguments)...); };
  return host::run(
      grid, block, shared_bytes, [](void* b) { (*static_cast<decltype(body)*>(b))(); }, &body);
}

template <typename T>
constexpr host::Matrix kMatrix = host::Matrix::bfloat16;
template <>
inline constexpr host::Matrix kMatrix<Half> = host::Matrix::half;

template <typename T>
inline void mma_m16n8k16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                         const host::Place& place = host::Place::current()) {
  host::mma(kMatrix<T>, d, a, b, place);
}
inline void mma_m16n8k8_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                             const host::Place& place = host::Place::current()) {
  host::mma(host::Matrix::tf32, d, a, b, place);
}
inline void ldmatrix_x4(uint32_t (&r)[4], const void* row,
                        const host::Place& place = host::Place::current()) {
  host::ldmatrix(r, row, false, place);
}
inline void ldmatrix_x4_transposed(uint32_t (&r)[4], const void* row,
                                   const host::Place& place = host::Place::current()) {
  host::ldmatrix(r, row, true, place);
}
inline void cp_async16(void* shared, const void* global, bool wanted = true,
                       const host::Place& place = host::Place::current()) {
  host::cp_async(shared, global, 16, wanted, place);
}
inline void cp_async_commit() { host::cp_async_commit(); }
template <int kPending>
inline void cp_async_wait() {
  host::cp_async_wait(kPending);
}

}  // namespace simt

#define threadIdx (::simt::host::indices->thread)
#define blockIdx (::simt::host::indices->block)
#define blockDim (::simt::host::indices->block_dim)
#define gridDim (::simt::host::indices->grid_dim)

inline void __syncthreads(const simt::host::Place& place = simt::host::Place::current()) {
  simt::host::barrier(place);
}
inline void __syncwarp(unsigned mask = ~0u,
                       const simt::host::Place& place = simt::host::Place::current()) {
  simt::host::warp_barrier(mask, place);
}

#define SIMT_SHUFFLE(name, kind, Argument)                                       \
  template <typename T>                                                          \
  inline T name(unsigned mask, T value, Argument argument, int width = 32,       \
                const simt::host::Place& place = simt::host::Place::current()) { \
    static_assert(sizeof(T) == 4 || sizeof(T) == 8);                             \
    simt::host::shuffle(simt::host::Shuffle::kind, mask, &value, sizeof(T),      \
                        static_cast<int>(argument), width, place);               \
    return value;                                                                \
  }
SIMT_SHUFFLE(__shfl_sync, from, int)
SIMT_SHUFFLE(__shfl_up_sync, up, unsigned)
SIMT_SHUFFLE(__shfl_down_sync, down, unsigned)
SIMT_SHUFFLE(__shfl_xor_sync, exchange, int)
#undef SIMT_SHUFFLE

inline unsigned __ballot_sync(unsigned mask, int vote,
                              const simt::host::Place& place = simt::host::Place::current()) {
  return simt::host::ballot(mask, vote != 0, place);
}
inline int __any_sync(unsigned mask, int vote,
                      const simt::host::Place& place = simt::host::Place::current()) {
  return simt::host::ballot(mask, vote != 0, place) != 0;
}
inline int __all_sync(unsigned mask, int vote,
                      const simt::host::Place& place = simt::host::Place::current()) {
  return simt::host::ballot(mask, vote != 0, place) == mask;
}

// Atomic, and like CUDA's orders nothing else.
template <typename T>
inline T atomicAdd(T* address, T value) {
  T old, sum;
  __atomic_load(address, &old, __ATOMIC_RELAXED);
  do {
    sum = old + value;
  } while (
      !__atomic_compare_exchange(address, &old, &sum, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  return old;
}

inline float rsqrtf(float value) { return 1.0f / std::sqrt(value); }
inline float __int_as_float(int bits) { return simt::float_of(static_cast<uint32_t>(bits)); }

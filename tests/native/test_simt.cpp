// The runner itself: what kernels may rely on, and that each thing a kernel may do wrong is named.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "simt/simt.h"

namespace {

using simt::host::Order;

int wrong = 0, checked = 0;

void expect(bool holds, const std::string& what) {
  ++checked;
  if (holds) return;
  ++wrong;
  std::printf("wrong: %s\n", what.c_str());
}

// The launch must end with a message that holds these words.
void expect_error(int status, const std::string& words) {
  const std::string said = simt::host::last_error();
  expect(status != 0 && said.find(words) != std::string::npos,
         "expected \"" + words + "\", got status " + std::to_string(status) + " \"" + said + '"');
}

template <typename... P, typename... A>
int start(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, A... arguments) {
  return simt::launch(kernel, grid, block, shared, nullptr, arguments...);
}

// --- what kernels may rely on

SIMT_KERNEL void reverse_block(const int* x, int* y) {
  SIMT_SHARED(kept, int[64]);
  kept[threadIdx.x] = x[blockIdx.x * 64 + threadIdx.x];
  __syncthreads();
  y[blockIdx.x * 64 + threadIdx.x] = kept[63 - threadIdx.x];
}

void barriers_order_shared_memory() {
  std::vector<int> x(192), y(192, -1);
  for (int i = 0; i < 192; ++i) x[i] = i;
  expect(start(reverse_block, 3, 64, 0, x.data(), y.data()) == 0, simt::host::last_error());
  for (int i = 0; i < 192; ++i) expect(y[i] == i / 64 * 64 + 63 - i % 64, "reversed blocks");
}

SIMT_KERNEL void read_unwritten(float* y) {
  SIMT_SHARED(named, float[4]);
  SIMT_DYNAMIC_SHARED(dynamic, float);
  y[2 * blockIdx.x] = named[1];
  y[2 * blockIdx.x + 1] = dynamic[3];
  named[1] = dynamic[3] = 1.0f;
}

void shared_memory_is_fresh_and_poisoned() {
  std::vector<float> y(6, 0.0f);
  expect(start(read_unwritten, 3, 1, 16, y.data()) == 0, simt::host::last_error());
  for (const float value : y) expect(std::isnan(value), "unwritten shared memory is NaN");
}

SIMT_KERNEL void shuffles(int* y) {
  const int lane = threadIdx.x;
  y[lane] = __shfl_sync(~0u, lane, 5, 8);
  y[32 + lane] = __shfl_up_sync(~0u, lane, 3, 16);
  y[64 + lane] = __shfl_down_sync(~0u, lane, 3);
  y[96 + lane] = __shfl_xor_sync(~0u, lane, 5);
  y[128 + lane] = static_cast<int>(__ballot_sync(~0u, lane % 3 == 0));
  y[160 + lane] = __any_sync(~0u, lane == 7) + 2 * __all_sync(~0u, lane != 7);
  if (lane < 16) y[192 + lane] = __shfl_xor_sync(0xffffu, lane, 1);
}

void shuffles_do_what_cuda_says() {
  std::vector<int> y(208, -1);
  expect(start(shuffles, 1, 32, 0, y.data()) == 0, simt::host::last_error());
  unsigned votes = 0;
  for (int l = 0; l < 32; l += 3) votes |= 1u << l;
  for (int l = 0; l < 32; ++l) {
    expect(y[l] == l / 8 * 8 + 5, "__shfl_sync");
    expect(y[32 + l] == (l % 16 < 3 ? l : l - 3), "__shfl_up_sync");
    expect(y[64 + l] == (l + 3 < 32 ? l + 3 : l), "__shfl_down_sync");
    expect(y[96 + l] == (l ^ 5), "__shfl_xor_sync");
    expect(y[128 + l] == static_cast<int>(votes), "__ballot_sync");
    expect(y[160 + l] == 1, "__any_sync, __all_sync");
    if (l < 16) expect(y[192 + l] == (l ^ 1), "a shuffle of half a warp");
  }
}

// a [16,K] times b [8,K] transposed; a through cp.async and ldmatrix, b through its transposed
// form.
template <typename T>
SIMT_KERNEL void product_16(const T* a, const T* b, float* c, int depth) {
  SIMT_SHARED(rows, T[16][16]);
  SIMT_SHARED(columns, T[16][16]);  // [k][n], n < 8; the other half is never multiplied
  const int lane = threadIdx.x;
  float d[4] = {};
  for (int k = 0; k < depth; k += 16) {
    simt::cp_async16(&rows[lane / 2][lane % 2 * 8], a + lane / 2 * depth + k + lane % 2 * 8);
    simt::cp_async_commit();
    for (int i = lane; i < 128; i += 32) columns[i / 8][i % 8] = b[i % 8 * depth + k + i / 8];
    simt::cp_async_wait<0>();
    __syncwarp();
    uint32_t ra[4], rb[4];
    simt::ldmatrix_x4(ra, &rows[lane % 16][lane / 16 * 8]);
    simt::ldmatrix_x4_transposed(rb, &columns[lane % 16][lane / 16 * 8]);
    const uint32_t first[2] = {rb[0], rb[1]};
    simt::mma_m16n8k16<T>(d, ra, first);
    __syncwarp();
  }
  for (int r = 0; r < 4; ++r) c[(lane / 4 + r / 2 * 8) * 8 + lane % 4 * 2 + r % 2] = d[r];
}

SIMT_KERNEL void product_tf32(const float* a, const float* b, float* c) {  // [16,8] times [8,8]ᵀ
  const int g = threadIdx.x / 4, t = threadIdx.x % 4;
  float d[4] = {};
  const auto at = [](const float* m, int row, int k) { return simt::to_tf32(m[row * 8 + k]); };
  const uint32_t ra[4] = {at(a, g, t), at(a, g + 8, t), at(a, g, t + 4), at(a, g + 8, t + 4)};
  const uint32_t rb[2] = {at(b, g, t), at(b, g, t + 4)};
  simt::mma_m16n8k8_tf32(d, ra, rb);
  for (int r = 0; r < 4; ++r) c[(g + r / 2 * 8) * 8 + 2 * t + r % 2] = d[r];
}

template <typename T>
void expect_product(const char* name, int depth, const std::function<float(float)>& rounded,
                    const std::function<int(const T*, const T*, float*)>& multiply) {
  std::mt19937 generator(85);
  std::normal_distribution<float> normal;
  std::vector<T> a, b;
  for (int i = 0; i < 16 * depth; ++i) a.push_back(T(normal(generator)));
  for (int i = 0; i < 8 * depth; ++i) b.push_back(T(normal(generator)));
  std::vector<float> c(128, NAN);
  expect(multiply(a.data(), b.data(), c.data()) == 0, simt::host::last_error());
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 8; ++j) {
      double sum = 0;
      for (int k = 0; k < depth; ++k)
        sum += double(rounded(static_cast<float>(a[i * depth + k]))) *
               rounded(static_cast<float>(b[j * depth + k]));
      expect(std::fabs(c[i * 8 + j] - sum) < 1e-4, std::string(name) + " of matrices");
    }
}

void tensor_cores_multiply() {
  const auto same = [](float value) { return value; };
  expect_product<simt::BFloat16>("mma_m16n8k16 bf16", 64, same, [](auto* a, auto* b, float* c) {
    return start(product_16<simt::BFloat16>, 1, 32, 0, a, b, c, 64);
  });
  expect_product<simt::Half>("mma_m16n8k16 fp16", 64, same, [](auto* a, auto* b, float* c) {
    return start(product_16<simt::Half>, 1, 32, 0, a, b, c, 64);
  });
  const auto tf32 = [](float value) { return simt::float_of(simt::to_tf32(value)); };
  expect_product<float>("mma_m16n8k8 tf32", 8, tf32, [](auto* a, auto* b, float* c) {
    return start(product_tf32, 1, 32, 0, a, b, c);
  });
}

SIMT_KERNEL void late_copy(const float* x, float* y) {
  SIMT_SHARED(kept, float[12]);
  simt::cp_async16(kept, x);
  simt::cp_async_commit();
  simt::cp_async16(kept + 4, x + 4);
  simt::cp_async16(kept + 8, x, false);
  simt::cp_async_commit();
  y[0] = kept[0];
  simt::cp_async_wait<1>();
  y[1] = kept[0];
  y[2] = kept[4];
  simt::cp_async_wait<0>();
  y[3] = kept[4];
  y[4] = kept[8];
}

void copies_land_when_waited_for() {
  alignas(16) const float x[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  float y[5] = {};
  expect(start(late_copy, 1, 1, 0, x, y) == 0, simt::host::last_error());
  expect(std::isnan(y[0]) && y[1] == 1 && std::isnan(y[2]), "a copy is not there before its wait");
  expect(y[3] == 5 && y[4] == 0, "a copy is there after its wait; an unwanted one is zero");
}

SIMT_KERNEL void count(int* total, float* sum) {
  atomicAdd(total, 1);
  atomicAdd(sum, 0.5f);
}

void atomics_count() {
  int total = 0;
  float sum = 0;
  expect(start(count, dim3(3, 2, 2), dim3(8, 4, 2), 0, &total, &sum) == 0,
         simt::host::last_error());
  expect(total == 768 && sum == 384, "every thread of every block once");
}

SIMT_KERNEL void stride(int* done, int64_t rows) {
  for (int64_t row = blockIdx.y; row < rows; row += gridDim.y) done[row] += 1 + 10 * gridDim.y;
}

void grids_are_held_down() {
  std::vector<int> done(9);
  simt::host::set_most_blocks({5, 2});
  expect(start(stride, dim3(1, 9), 1, 0, done.data(), int64_t(9)) == 0, "a grid held down");
  simt::host::set_most_blocks(simt::host::kAllBlocks);
  for (const int times : done) expect(times == 21, "every row once, by two blocks");
}

void sixteen_bits_round_to_nearest() {
  for (int i = 0; i < 1 << 16; ++i) {
    simt::Half half;
    simt::BFloat16 brain;
    half.bits = brain.bits = static_cast<uint16_t>(i);
    const float h = static_cast<float>(half), b = static_cast<float>(brain);
    expect(std::isnan(h) ? std::isnan(float(simt::Half(h))) : simt::Half(h).bits == i,
           "fp16 is itself");
    expect(std::isnan(b) ? std::isnan(float(simt::BFloat16(b))) : simt::BFloat16(b).bits == i,
           "bf16 is itself");
  }
  const float infinity = std::numeric_limits<float>::infinity();
  expect(float(simt::Half(65519.0f)) == 65504 && float(simt::Half(65520.0f)) == infinity,
         "fp16 end");
  expect(float(simt::Half(2049.0f)) == 2048 && float(simt::Half(2051.0f)) == 2052, "fp16 ties");
  expect(float(simt::Half(0x1p-25f)) == 0 && float(simt::Half(0x1.8p-25f)) == 0x1p-24f, "fp16 low");
  expect(float(simt::BFloat16(257.0f)) == 256 && float(simt::BFloat16(259.0f)) == 260, "bf16 ties");
  expect(simt::float_of(simt::to_tf32(1.0f + 0x1p-11f)) == 1.0f + 0x1p-10f, "tf32 ties go away");
}

// --- what kernels may do wrong

SIMT_KERNEL void divergent_barrier() {
  if (threadIdx.x < 8)
    __syncthreads();
  else
    __syncthreads();  // clang-format off
}  // clang-format on
SIMT_KERNEL void barrier_and_shuffle() {
  if (threadIdx.x < 8)
    __syncthreads();
  else
    __shfl_sync(~0u, 1, 0);
}
SIMT_KERNEL void not_in_its_mask() { __syncwarp(0xffu); }
SIMT_KERNEL void from_an_inactive_lane() {
  if (threadIdx.x < 8) __shfl_sync(0xffu, 1, 9);
}
SIMT_KERNEL void waits_for_the_gone() {
  if (threadIdx.x == 3) return;
  __syncwarp();
}
SIMT_KERNEL void two_collectives() {
  if (threadIdx.x % 2)
    __shfl_sync(~0u, 1, 0);
  else
    __shfl_sync(~0u, 1, 1);
}
SIMT_KERNEL void two_masks() { __shfl_sync(threadIdx.x < 16 ? ~0u : 0xffff0000u, 1, 20); }
SIMT_KERNEL void odd_width() { __shfl_sync(~0u, 1, 0, 12); }
SIMT_KERNEL void misaligned_copy(const float* x) {
  SIMT_SHARED(kept, float[8]);
  simt::cp_async16(kept + 1, x);
}
SIMT_KERNEL void copy_past_the_end(const float* x) {
  SIMT_SHARED(kept, float[6]);
  simt::cp_async16(kept + 4, x);
}
SIMT_KERNEL void copy_in_flight(const float* x) {
  SIMT_SHARED(kept, float[4]);
  simt::cp_async16(kept, x);
  simt::cp_async_commit();
}
SIMT_KERNEL void misaligned_rows() {
  SIMT_SHARED(kept, uint16_t[512]);
  uint32_t r[4];
  simt::ldmatrix_x4(r, kept + threadIdx.x * 8 + 4);
}
SIMT_KERNEL void rows_outside(const uint16_t* x) {
  uint32_t r[4];
  simt::ldmatrix_x4(r, x);
}
SIMT_KERNEL void too_much_named() {
  SIMT_SHARED(kept, float[13000]);
  kept[0] = 1;
}
SIMT_KERNEL void nothing() {}

void mistakes_are_named() {
  alignas(16) static const float x[16] = {};
  expect_error(start(divergent_barrier, 1, 32, 0), "divergent __syncthreads");
  expect_error(start(barrier_and_shuffle, 1, 32, 0), "deadlock");
  expect_error(start(not_in_its_mask, 1, 32, 0), "not in its own mask");
  expect_error(start(from_an_inactive_lane, 1, 32, 0), "lane 9, which is not in the mask");
  expect_error(start(waits_for_the_gone, 1, 32, 0), "lane 3, which has ended");
  expect_error(start(nothing, 1, 1025, 0), "a block of 1025");
  expect_error(start(nothing, dim3(1, 65536), 1, 0), "a grid of 1 x 65536");
  expect_error(start(nothing, 0, 1, 0), "a grid of 0");
  expect_error(start(nothing, 1, dim3(1, 1, 65), 0), "z at most 64");
  expect_error(start(nothing, 1, 1, 100 * 1024 + 1), "dynamic shared memory");
  expect_error(start(two_collectives, 1, 32, 0), "two collectives at once");
  expect_error(start(two_masks, 1, 32, 0), "waits");
  expect_error(start(odd_width, 1, 32, 0), "a shuffle of width 12");
  expect_error(start(misaligned_copy, 1, 1, 0, x), "misaligned cp.async");
  expect_error(start(copy_past_the_end, 1, 1, 0, x), "outside shared memory");
  expect_error(start(copy_in_flight, 1, 1, 0, x), "in flight");
  expect_error(start(misaligned_rows, 1, 32, 0), "misaligned ldmatrix");
  expect_error(start(rows_outside, 1, 32, 0, reinterpret_cast<const uint16_t*>(x)),
               "ldmatrix of a row outside");
  expect_error(start(too_much_named, 1, 1, 0), "bytes of SIMT_SHARED");
  expect_error(start(divergent_barrier, 1, 32, 0), "test_simt.cpp:");
  expect(start(nothing, 2, 32, 0) == 0 && !*simt::host::last_error(),
         "a clean launch after errors");
}

}  // namespace

int main() {
  sixteen_bits_round_to_nearest();
  for (const Order order : {Order::forward, Order::reverse, Order::random}) {
    simt::host::set_order(order, 7);
    barriers_order_shared_memory();
    shared_memory_is_fresh_and_poisoned();
    shuffles_do_what_cuda_says();
    tensor_cores_multiply();
    copies_land_when_waited_for();
    atomics_count();
    grids_are_held_down();
    mistakes_are_named();
  }
  std::printf("%d checks, %d wrong\n", checked, wrong);
  return wrong != 0;
}

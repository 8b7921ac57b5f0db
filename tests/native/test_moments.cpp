// moments against float64, in every order of threads; its shapes cross tiles, stages of rows,
// chunks and parts. Running sums start at something else than zero, and the workspace holds NaN.
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <vector>

#include "simt/simt.h"
#include "steerx/moments.h"

namespace {

using simt::host::Order;
using steerx::Real;

int wrong = 0, checked = 0;
std::mt19937 generator(85);

void expect_near(double ours, double truth, double allowed, const char* what, int64_t N,
                 int64_t D) {
  ++checked;
  if (std::fabs(ours - truth) <= allowed) return;
  if (++wrong <= 10)
    std::printf("wrong %s, N = %ld, D = %ld: %.9g, expected %.9g\n", what, long(N), long(D), ours,
                truth);
}

template <typename T>
void moments(Real real, int64_t N, int64_t D, bool shifted, int64_t parts) {
  std::normal_distribution<float> normal(3.0f);
  std::vector<T> x;
  x.reserve(size_t(N * D + 1));
  for (int64_t i = 0; i < N * D; ++i) x.push_back(T(normal(generator)));
  x.push_back(T(std::numeric_limits<float>::quiet_NaN()));  // nobody may look at it
  std::vector<float> shift;
  shift.reserve(size_t(D));  // not one more: what lies behind must not be read
  for (int64_t d = 0; d < D; ++d) shift.push_back(shifted ? 3.0f + 0.01f * float(d) : 0.0f);
  std::vector<double> sum(size_t(D), 10.0), products(size_t(D * D), -20.0);
  expect_near(double(steerx::moments_parts(N)), double(parts), 0, "number of parts", N, D);
  std::vector<double> partial(size_t(steerx::moments_parts(N) * (D + 1) * D),
                              std::numeric_limits<double>::quiet_NaN());
  const steerx::MomentsParams p{
      real, x.data(), shifted ? shift.data() : nullptr, sum.data(), products.data(), partial.data(),
      N,    D};
  if (steerx::moments_cuda(p, nullptr) != 0) {
    ++wrong;
    std::printf("moments: %s\n", simt::host::last_error());
    return;
  }
  for (int64_t i = 0; i < D; ++i) {
    double total = 10, size = 10;
    for (int64_t n = 0; n < N; ++n) {
      const double y = double(float(x[size_t(n * D + i)])) - shift[size_t(i)];
      total += y, size += std::fabs(y);
    }
    expect_near(sum[size_t(i)], total, 3e-6 * size, "sum", N, D);
    for (int64_t j = 0; j < D; ++j) {
      double product = -20, most = 20;
      for (int64_t n = 0; n < N; ++n) {
        const double y = double(float(x[size_t(n * D + i)])) - shift[size_t(i)];
        const double z = double(float(x[size_t(n * D + j)])) - shift[size_t(j)];
        product += y * z, most += std::fabs(y * z);
      }
      expect_near(products[size_t(i * D + j)], product, 3e-6 * most, "product", N, D);
      expect_near(products[size_t(i * D + j)], products[size_t(j * D + i)], 0, "mirror", N, D);
    }
  }
}

}  // namespace

int main() {
  for (const Order order : {Order::forward, Order::reverse, Order::random}) {
    simt::host::set_order(order, 7);
    moments<float>(Real::float32, 1, 1, true, 1);
    moments<float>(Real::float32, 33, 66, true, 1);
    moments<float>(Real::float32, 290, 5, false, 1);
    moments<float>(Real::float32, 1030, 3, true, 2);
    moments<simt::Half>(Real::float16, 40, 9, true, 1);
    moments<simt::BFloat16>(Real::bfloat16, 31, 64, false, 1);
  }
  moments<float>(Real::float32, 3, 128, true, 1);
  moments<float>(Real::float32, 3, 130, true, 1);
  moments<float>(Real::float32, 2, 515, true, 1);  // the merge strides
  expect_near(double(steerx::moments_parts(0)), 0, 0, "parts of nothing", 0, 0);
  expect_near(double(steerx::moments_parts(16 * 1024)), 16, 0, "most parts", 0, 0);
  expect_near(double(steerx::moments_parts(16 * 1024 + 1)), 13, 0, "longer parts", 0, 0);
  if (steerx::moments_cuda({Real::float32, nullptr, nullptr, nullptr, nullptr, nullptr, 0, 5},
                           nullptr) != 0)
    ++wrong;
  if (steerx::moments_cuda({Real::float64, nullptr, nullptr, nullptr, nullptr, nullptr, 1, 1},
                           nullptr) == 0)
    ++wrong;
  std::printf("%d checks, %d wrong\n", checked, wrong);
  return wrong != 0;
}

// weight_covariance against float64, in every order of threads: layers of unlike sizes, one of them
// empty, one row of zeros, more layers than a launch takes.
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <vector>

#include "simt/simt.h"
#include "steerx/weight_covariance.h"

namespace {

using simt::host::Order;

int wrong = 0, checked = 0;
std::mt19937 generator(85);

void expect_near(double ours, double truth, double allowed, const char* what) {
  ++checked;
  if (std::fabs(ours - truth) <= allowed) return;
  if (++wrong <= 10) std::printf("wrong %s: %.9g, expected %.9g\n", what, ours, truth);
}

void weight_covariance(const std::vector<int64_t>& offsets, int64_t D, bool normalize) {
  const int64_t S = offsets.back(), G = int64_t(offsets.size()) - 1;
  std::normal_distribution<float> normal;
  std::vector<float> rows;
  rows.reserve(size_t(S * D));  // not one more: what lies behind must not be read
  for (int64_t i = 0; i < S * D; ++i)
    rows.push_back(i / D == 1 || i / D == S - 1 ? 0.0f
                                                : (i / D == 2 ? 1e-30f : 2.0f) * normal(generator));
  std::vector<float> lengths(size_t(S), std::nanf(""));
  std::vector<double> out(size_t(G * D * D), std::nan(""));
  const steerx::WeightCovarianceParams p{
      rows.data(), offsets.data(), normalize, lengths.data(), out.data(), S, D, G};
  if (steerx::weight_covariance_cuda(p, nullptr) != 0) {
    ++wrong;
    std::printf("weight_covariance: %s\n", simt::host::last_error());
    return;
  }
  for (int64_t g = 0; g < G; ++g)
    for (int64_t i = 0; i < D; ++i)
      for (int64_t j = 0; j < D; ++j) {
        double sum = 0, size = 0;
        for (int64_t s = offsets[size_t(g)]; s < offsets[size_t(g + 1)]; ++s) {
          double square = 0;
          for (int64_t d = 0; d < D; ++d) square += std::pow(double(rows[size_t(s * D + d)]), 2);
          const double scale = !normalize ? 1 : square == 0 ? 0 : 1 / square;
          const double term = double(rows[size_t(s * D + i)]) * rows[size_t(s * D + j)] * scale;
          sum += term, size += std::fabs(term);
        }
        expect_near(out[size_t((g * D + i) * D + j)], sum, 2e-6 * size, "entry");
      }
}

}  // namespace

int main() {
  for (const Order order : {Order::forward, Order::reverse, Order::random}) {
    simt::host::set_order(order, 7);
    for (const bool normalize : {true, false}) {
      weight_covariance({0, 3, 3, 36, 40}, 5, normalize);
      weight_covariance({0, 7}, 66, normalize);
      weight_covariance({0, 3}, 128, normalize);
      weight_covariance({0, 4}, 1, normalize);
    }
  }
  std::vector<int64_t> many;
  for (int64_t g = 0; g <= 33; ++g) many.push_back(2 + g);
  many[0] = 0;
  weight_covariance(many, 2, true);
  weight_covariance({0, 4100, 8210}, 1, true);  // lengths stride
  weight_covariance({0, 0}, 3, true);
  const auto status = [](const std::vector<int64_t>& offsets, int64_t S, int64_t D, int64_t G) {
    return steerx::weight_covariance_cuda(
        {nullptr, offsets.data(), true, nullptr, nullptr, S, D, G}, nullptr);
  };
  if (status({0}, 0, 5, 0) != 0 || status({0, 1}, 1, 0, 1) != 0) ++wrong;
  if (status({0, 3}, 2, 1, 1) == 0 || status({1, 0}, 2, 1, 1) == 0) ++wrong;
  if (status({-1, 2}, 2, 1, 1) == 0) ++wrong;
  std::printf("%d checks, %d wrong\n", checked, wrong);
  return wrong != 0;
}

// eigh by its own measure, in every order of threads: a v = v l to 1e-5 of the largest eigenvalue,
// vectors orthonormal to 1e-5, values descending, the largest entry of each vector positive. The
// values are then right too: an eigenvalue lies within |a v - v l| of each.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <vector>

#include "simt/simt.h"
#include "steerx/eigh.h"

namespace {

using simt::host::Order;
using Numbers = std::vector<float>;

constexpr double kAllowed = 1e-5;
int wrong = 0, checked = 0;
std::mt19937 generator(85);

void expect(bool good, const char* what, const char* kind, int64_t n, double value) {
  ++checked;
  if (!good && ++wrong <= 10)
    std::printf("wrong %s of %s, n = %ld: %.3g\n", what, kind, long(n), value);
}

Numbers random(int64_t B, int64_t n, float scale, bool symmetric) {
  std::normal_distribution<float> normal;
  Numbers a(size_t(B * n * n));
  for (float& x : a) x = scale * normal(generator);
  for (int64_t b = 0; symmetric && b < B; ++b)
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < i; ++j)
        a[size_t((b * n + i) * n + j)] = a[size_t((b * n + j) * n + i)];
  return a;
}

// u d u^T with d given and u one reflection, so that the eigenvalues are those of d.
template <typename Value>
Numbers with_values(int64_t n, const Value& value) {
  std::normal_distribution<double> normal;
  std::vector<double> h(static_cast<size_t>(n));
  double norm = 0;
  for (double& x : h) x = normal(generator), norm += x * x;
  const auto reflected = [&](int64_t i, int64_t k) {
    return (i == k) - 2 * h[size_t(i)] * h[size_t(k)] / norm;
  };
  Numbers a(size_t(n * n));
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < n; ++k) sum += reflected(i, k) * value(k) * reflected(j, k);
      a[size_t(i * n + j)] = float(sum);
    }
  return a;
}

void judge(const char* kind, const float* a, const float* values, const float* vectors, int64_t n) {
  const auto part = [&](int64_t i, int64_t j) { return (double(a[i * n + j]) + a[j * n + i]) / 2; };
  double largest = std::max(std::fabs(double(values[0])), std::fabs(double(values[n - 1])));
  if (largest == 0) largest = 1;
  double residual = 0, skew = 0;
  for (int64_t j = 0; j < n; ++j) {
    double most = 0, entry = 0;
    for (int64_t i = 0; i < n; ++i) {
      double sum = 0;
      for (int64_t k = 0; k < n; ++k) sum += part(i, k) / largest * vectors[k * n + j];
      const double off = sum - double(vectors[i * n + j]) * values[j] / largest;
      residual = std::isnan(off) ? off : std::max(residual, std::fabs(off));
      if (std::fabs(vectors[i * n + j]) > most)
        most = std::fabs(vectors[i * n + j]), entry = vectors[i * n + j];
    }
    expect(entry > 0, "sign", kind, n, entry);
    if (j > 0) expect(values[j - 1] >= values[j], "order", kind, n, values[j] - values[j - 1]);
    for (int64_t k = 0; k <= j; ++k) {
      double sum = -(j == k);
      for (int64_t i = 0; i < n; ++i) sum += double(vectors[i * n + j]) * vectors[i * n + k];
      skew = std::isnan(sum) ? sum : std::max(skew, std::fabs(sum));
    }
  }
  const double grain = 2.0 * n * std::numeric_limits<float>::denorm_min() / largest;  // tiny values
  expect(residual <= kAllowed + grain, "residual", kind, n, residual);
  expect(skew <= kAllowed, "orthogonality", kind, n, skew);
}

// `lost`: the matrix, if any, whose result must be NaN.
void solve(const char* kind, const Numbers& a, int64_t B, int64_t n, int64_t lost = -1) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Numbers values(size_t(B * n), nan), vectors(size_t(B * n * n), nan);
  if (lost >= 0) values.assign(values.size(), 0), vectors.assign(vectors.size(), 0);
  if (steerx::eigh_cuda({a.data(), values.data(), vectors.data(), B, n}, nullptr) != 0) {
    ++wrong;
    std::printf("%s, n = %ld: %s\n", kind, long(n), simt::host::last_error());
    return;
  }
  for (int64_t b = 0; b < B; ++b) {
    const float* const v = values.data() + b * n;
    const float* const u = vectors.data() + b * n * n;
    if (b != lost) {
      judge(kind, a.data() + b * n * n, v, u, n);
      continue;
    }
    for (int64_t i = 0; i < n; ++i) expect(std::isnan(v[i]), "NaN", kind, n, v[i]);
    for (int64_t i = 0; i < n * n; ++i) expect(std::isnan(u[i]), "NaN", kind, n, u[i]);
  }
}

void all(int64_t n) {
  solve("a random matrix", random(2, n, 1, true), 2, n);
  solve("a lopsided matrix", random(1, n, 1, false), 1, n);
  solve("huge numbers", random(1, n, 1e37f, true), 1, n);
  solve("tiny numbers", random(1, n, 1e-40f, true), 1, n);
  solve("zeros", Numbers(size_t(n * n), 0.0f), 1, n);
  solve("ones", Numbers(size_t(n * n), 1.0f), 1, n);
  solve("repeated values", with_values(n, [](int64_t k) { return k % 3 - 1.0; }), 1, n);
  solve("values far apart", with_values(n, [](int64_t k) { return std::pow(10.0, -k); }), 1, n);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), 1.0f / 0.0f}) {
    Numbers a = random(3, n, 1, true);
    a[size_t(2 * n * n - 1)] = bad;
    solve("a matrix with NaN or infinity", a, 3, n, 1);
  }
}

// Diagonal matrices are exact: values sorted, vectors are axes, equal values in order of place.
void diagonal() {
  const int64_t n = 6;
  const float d[n] = {1, -2, 5, 1, 0, 5}, sorted[n] = {5, 5, 1, 1, 0, -2};
  const int64_t from[n] = {2, 5, 0, 3, 4, 1};
  Numbers a(n * n), values(n, -9.0f), vectors(n * n, -9.0f);
  for (int64_t i = 0; i < n; ++i) a[size_t(i * n + i)] = d[i];
  if (steerx::eigh_cuda({a.data(), values.data(), vectors.data(), 1, n}, nullptr) != 0) ++wrong;
  for (int64_t j = 0; j < n; ++j) {
    expect(values[size_t(j)] == sorted[j], "value", "a diagonal", n, values[size_t(j)]);
    for (int64_t i = 0; i < n; ++i)
      expect(vectors[size_t(i * n + j)] == float(i == from[j]), "axis", "a diagonal", n, double(i));
  }
}

}  // namespace

int main() {
  for (const Order order : {Order::forward, Order::reverse, Order::random}) {
    simt::host::set_order(order, 7);
    for (const int64_t n : {1, 2, 3, 4, 7, 10}) all(n);
    for (const int64_t n : {9, 25}) solve("a larger matrix", random(1, n, 1, true), 1, n);
    diagonal();
  }
  solve("the largest matrix", random(1, 64, 1, true), 1, 64);
  solve("many matrices", random(2051, 2, 1, true), 2051, 2);
  if (steerx::eigh_cuda({nullptr, nullptr, nullptr, 0, 5}, nullptr) != 0) ++wrong;
  if (steerx::eigh_cuda({nullptr, nullptr, nullptr, 3, 0}, nullptr) != 0) ++wrong;
  if (steerx::eigh_cuda({nullptr, nullptr, nullptr, 1, 65}, nullptr) == 0) ++wrong;
  std::printf("%d checks, %d wrong\n", checked, wrong);
  return wrong != 0;
}

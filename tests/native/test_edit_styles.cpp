// Every instruction set that this machine runs gives the bits of the formula, whole or in pieces;
// the CUDA kernel, run on the CPU, gives it within a rounding.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <vector>

#include "simt/simt.h"
#include "steerx/edit_styles.h"

namespace {

using steerx::EditStylesParams;
using steerx::Isa;
using steerx::Real;

template <typename T>
std::vector<T> numbers(int64_t count, unsigned seed) {
  std::vector<T> values(count);
  for (T& value : values) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<T>(static_cast<int>(seed >> 8) - (1 << 23)) / static_cast<T>(1 << 20);
  }
  return values;
}

template <typename T>
int check(Isa isa, Real real, int64_t N, int64_t K, int64_t B, int64_t S, int64_t piece) {
  const std::vector<T> base = numbers<T>(N * S, 1), steps = numbers<T>(K * S, 2);
  const std::vector<T> alphas = numbers<T>(B, 3);
  std::vector<int64_t> sources(B), directions(B);
  std::vector<T> expected(B * S), out(B * S, T(-12345));
  for (int64_t b = 0; b < B; ++b) {
    sources[b] = b * 7 % N;
    directions[b] = b * 5 % K;
    for (int64_t s = 0; s < S; ++s) {
      volatile T product = alphas[b] * steps[directions[b] * S + s];  // not contracted
      expected[b * S + s] = base[sources[b] * S + s] + product;
    }
  }
  const EditStylesParams p{real,
                           base.data(),
                           steps.data(),
                           alphas.data(),
                           sources.data(),
                           directions.data(),
                           out.data(),
                           N,
                           K,
                           B,
                           S};
  for (int64_t first = 0; first < B * S; first += piece)
    steerx::edit_styles_cpu(isa)(p, first, first + piece < B * S ? first + piece : B * S);
  if (out.empty() || std::memcmp(out.data(), expected.data(), out.size() * sizeof(T)) == 0)
    return 0;
  std::printf("edit_styles %s: wrong with %zu-byte numbers, B = %ld, S = %ld, pieces of %ld\n",
              steerx::isa_name(isa), sizeof(T), static_cast<long>(B), static_cast<long>(S),
              static_cast<long>(piece));
  return 1;
}

// Rows 2, 5 and 7 of the result ask for sources and directions that do not exist: they must be NaN.
template <typename T>
int check_cuda(Real real, int64_t N, int64_t K, int64_t B, int64_t S, int64_t offset,
               double allowed) {
  const auto typed = [](const std::vector<float>& from, int64_t skipped) {
    std::vector<T> to(static_cast<size_t>(skipped), T(0.0f));
    to.reserve(from.size() + to.size());
    for (const float value : from) to.push_back(T(value));
    return to;
  };
  const std::vector<float> bases = numbers<float>(N * S, 1), all_steps = numbers<float>(K * S, 2);
  const std::vector<T> base = typed(bases, offset), steps = typed(all_steps, 0);
  const std::vector<T> alphas = typed(numbers<float>(B, 3), 0);
  std::vector<int64_t> sources(B), directions(B);
  for (int64_t b = 0; b < B; ++b) sources[b] = b * 7 % N, directions[b] = b * 5 % K;
  if (B > 7) sources[2] = N, directions[5] = -1, directions[7] = K;
  std::vector<T> out(B * S, T(-12345.0f));
  const EditStylesParams p{real,
                           base.data() + offset,
                           steps.data(),
                           alphas.data(),
                           sources.data(),
                           directions.data(),
                           out.data(),
                           N,
                           K,
                           B,
                           S};
  int wrong = steerx::edit_styles_cuda(p, nullptr) != 0;
  if (wrong) std::printf("%s\n", simt::host::last_error());
  for (int64_t b = 0; b < B && !wrong; ++b)
    for (int64_t s = 0; s < S; ++s) {
      const double ours = double(static_cast<float>(out[b * S + s]));
      if (B > 7 && (b == 2 || b == 5 || b == 7)) {
        wrong += !std::isnan(ours);
        continue;
      }
      const double from = static_cast<float>(base[offset + sources[b] * S + s]);
      const double truth = from + double(static_cast<float>(alphas[b])) *
                                      static_cast<float>(steps[directions[b] * S + s]);
      wrong += !(std::fabs(ours - truth) <= allowed * (1 + std::fabs(truth)));
    }
  if (wrong)
    std::printf("edit_styles on CUDA: wrong with %zu-byte numbers, B = %ld, S = %ld\n", sizeof(T),
                static_cast<long>(B), static_cast<long>(S));
  return wrong != 0;
}

int check_cuda() {
  int wrong = 0;
  for (const auto order :
       {simt::host::Order::forward, simt::host::Order::reverse, simt::host::Order::random}) {
    simt::host::set_order(order, 7);
    for (const int64_t S : {1, 7, 16, 31, 2056}) {
      wrong += check_cuda<float>(Real::float32, 3, 2, 9, S, 0, 1e-6);
      wrong += check_cuda<double>(Real::float64, 3, 2, 9, S, 0, 1e-6);
      wrong += check_cuda<simt::Half>(Real::float16, 3, 2, 9, S, 0, 1e-3);
      wrong += check_cuda<simt::BFloat16>(Real::bfloat16, 3, 2, 9, S, 0, 8e-3);
    }
    wrong += check_cuda<float>(Real::float32, 3, 2, 9, 16, 1, 1e-6);
    wrong += check_cuda<float>(Real::float32, 1, 1, 0, 4, 0, 1e-6);
    wrong += check_cuda<simt::Half>(Real::float16, 2, 1, 4, 0, 0, 1e-3);
    simt::host::set_most_blocks({2, 2});  // as where rows and columns outnumber the grid
    wrong += check_cuda<float>(Real::float32, 3, 2, 9, 2056, 0, 1e-6);
    wrong += check_cuda<double>(Real::float64, 3, 2, 9, 2057, 0, 1e-6);
    simt::host::set_most_blocks(simt::host::kAllBlocks);
  }
  return wrong;
}

}  // namespace

int main() {
  int wrong = check_cuda(), ran = 0;
  for (int i = 0; i < steerx::kIsaCount; ++i) {
    const Isa isa = static_cast<Isa>(i);
    if (steerx::edit_styles_cpu(isa) == nullptr || !steerx::isa_runs(isa)) {
      std::printf("%s: not on this machine\n", steerx::isa_name(isa));
      continue;
    }
    ++ran;
    for (const int64_t S : {1, 7, 16, 31, 513})
      for (const int64_t piece : {1, 5, 64, 1 << 20}) {
        wrong += check<float>(isa, Real::float32, 3, 2, 9, S, piece);
        wrong += check<double>(isa, Real::float64, 3, 2, 9, S, piece);
      }
    wrong += check<float>(isa, Real::float32, 1, 1, 0, 4, 8);
  }
  std::printf("%d instruction sets, %d wrong\n", ran, wrong);
  return wrong != 0 || ran == 0;
}

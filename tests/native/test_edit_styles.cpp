// Every instruction set that this machine runs gives the bits of the formula, whole or in pieces.
#include <cstdio>
#include <cstring>
#include <vector>

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
  if (std::memcmp(out.data(), expected.data(), out.size() * sizeof(T)) == 0) return 0;
  std::printf("edit_styles %s: wrong with %zu-byte numbers, B = %ld, S = %ld, pieces of %ld\n",
              steerx::isa_name(isa), sizeof(T), static_cast<long>(B), static_cast<long>(S),
              static_cast<long>(piece));
  return 1;
}

}  // namespace

int main() {
  int wrong = 0, ran = 0;
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

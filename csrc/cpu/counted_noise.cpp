// Standard normal numbers by counter, "normal-v1" of steerx/_seeds.py: number i of a sample depends
// on (key, id, i) alone. In float64, as the reference is. Bound: the logarithm and the angle, which
// cost a pixel, not a channel; so one object serves all instruction sets.
#ifdef STEERX_TABLE
#include "steerx/cpu_epilogue.h"

namespace steerx {
namespace {

// Philox 4x32-10; Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011.
void philox(uint64_t key, uint64_t id, uint32_t block, uint32_t* word) {
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  uint32_t a = block, b = 0, c = static_cast<uint32_t>(id), d = static_cast<uint32_t>(id >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t p = uint64_t(a) * 0xD2511F53u, q = uint64_t(c) * 0xCD9E8D57u;
    a = static_cast<uint32_t>(q >> 32) ^ b ^ k0;
    b = static_cast<uint32_t>(q);
    c = static_cast<uint32_t>(p >> 32) ^ d ^ k1;
    d = static_cast<uint32_t>(p);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  word[0] = a, word[1] = b, word[2] = c, word[3] = d;
}

}  // namespace

void counted_noise_cpu(uint64_t key, uint64_t id, int64_t first, int64_t last, float* to) {
  constexpr double kTurn = 2 * 3.14159265358979323846;
  for (int64_t block = first / 4; block * 4 < last; ++block) {
    uint32_t word[4];
    philox(key, id, static_cast<uint32_t>(block), word);
    for (int pair = 0; pair < 2; ++pair) {
      const double u = word[2 * pair] >> 8, v = word[2 * pair + 1] >> 8;
      const double radius = __builtin_sqrt(-2 * __builtin_log(u * 0x1p-24 + 0x1p-25));
      const double angle = kTurn * (v * 0x1p-24);
      const int64_t i = block * 4 + pair * 2;
      if (i >= first && i < last) to[i - first] = static_cast<float>(radius * __builtin_cos(angle));
      if (i + 1 >= first && i + 1 < last)
        to[i + 1 - first] = static_cast<float>(radius * __builtin_sin(angle));
    }
  }
}

}  // namespace steerx
#endif

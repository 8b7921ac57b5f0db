// Standard normal numbers by counter, "normal-v1" of steerx/_seeds.py: number i of a sample depends
// on (key, id, i) alone. In float64, as the reference is; it costs a pixel, not a channel.
#pragma once
#include "simt/simt.h"

namespace steerx {

// Word pairs of Philox 4x32-10; Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011.
SIMT_DEVICE void philox(uint64_t key, uint64_t id, uint32_t block, uint32_t (&word)[4]) {
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  uint32_t a = block, b = 0, c = static_cast<uint32_t>(id), d = static_cast<uint32_t>(id >> 32);
#pragma unroll
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

SIMT_DEVICE float counted_normal(uint64_t key, uint64_t id, int64_t i) {
  uint32_t word[4];
  philox(key, id, static_cast<uint32_t>(i / 4), word);
  const bool second = i % 4 >= 2;
  const double u = (second ? word[2] : word[0]) >> 8, v = (second ? word[3] : word[1]) >> 8;
  const double radius = sqrt(-2 * log(u * 0x1p-24 + 0x1p-25));
  const double turn = v * 0x1p-23;  // half turns
  return static_cast<float>(radius * (i % 2 ? simt::sin_pi(turn) : simt::cos_pi(turn)));
}

}  // namespace steerx

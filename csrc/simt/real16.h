// 16-bit floating-point numbers on the host, converted bit by bit: no toolkit, no hardware needed.
#pragma once
#include <cstdint>
#include <cstring>

namespace simt {

inline uint32_t bits_of(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}
inline float float_of(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// value / 2^shift rounded to nearest, ties to even.
inline uint32_t round_shift(uint32_t value, int shift) {
  if (shift > 31) return 0;
  const uint32_t half = 1u << (shift - 1), rest = value & ((half << 1) - 1);
  const uint32_t down = value >> shift;
  return down + (rest > half || (rest == half && (down & 1)));
}

struct BFloat16 {
  uint16_t bits;

  BFloat16() = default;
  explicit BFloat16(float value) {
    const uint32_t b = bits_of(value);
    const bool nan = (b & 0x7fffffffu) > 0x7f800000u;
    bits = static_cast<uint16_t>(nan ? 0x7fff : round_shift(b, 16));
  }
  explicit operator float() const { return float_of(uint32_t(bits) << 16); }
};

struct Half {
  uint16_t bits;

  Half() = default;
  explicit Half(float value) {
    const uint32_t b = bits_of(value), sign = b >> 16 & 0x8000u, size = b & 0x7fffffffu;
    uint32_t half;
    if (size > 0x7f800000u) {
      half = 0x7fff;  // NaN
    } else if (size >= 0x477ff000u) {
      half = 0x7c00;  // 65520 and above round to infinity
    } else if (size >= 0x38800000u) {
      half = round_shift(size - 0x38000000u, 13);
    } else {  // subnormal: the hidden bit is written out
      const int exponent = static_cast<int>(size >> 23);
      half = round_shift((size & 0x7fffffu) | 0x800000u, 126 - exponent);
    }
    bits = static_cast<uint16_t>(sign | half);
  }
  explicit operator float() const {
    const uint32_t sign = uint32_t(bits & 0x8000u) << 16, size = bits & 0x7fffu;
    if (size >= 0x7c00u) return float_of(sign | 0x7f800000u | (size & 0x3ffu) << 13);
    if (size >= 0x400u) return float_of(sign | ((size << 13) + 0x38000000u));
    const float magnitude = static_cast<float>(size) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
};

// A float rounded to the 10 bits of tf32, to nearest, ties away from zero.
inline uint32_t to_tf32(float value) {
  const uint32_t bits = bits_of(value);
  if ((bits & 0x7f800000u) == 0x7f800000u) return bits & 0xffffe000u;
  return (bits + 0x1000u) & 0xffffe000u;
}

}  // namespace simt

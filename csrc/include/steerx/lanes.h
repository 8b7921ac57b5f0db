// Lanes: as many floats side by side as a register of the instruction set holds, for csrc/cpu.
// Every name is unnamed's or static: an object for one instruction set must lend nothing to
// another.
#pragma once
#include <cstdint>

#define STEERX_INLINE static inline __attribute__((always_inline))
#define STEERX_MEMBER __attribute__((always_inline))

namespace steerx {
namespace STEERX_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));
typedef uint32_t Words __attribute__((vector_size(kLanes * sizeof(float))));
typedef uint16_t Halves __attribute__((vector_size(kLanes * sizeof(uint16_t))));
typedef Lanes LanesAnywhere __attribute__((aligned(4), may_alias));
typedef Halves HalvesAnywhere __attribute__((aligned(2), may_alias));

// The upper half of a float; the 10-bit kind is the compiler's own.
struct BFloat16 {
  uint16_t bits;
};
using Half = _Float16;

STEERX_INLINE Lanes lanes(float value) { return value - Lanes{}; }

STEERX_INLINE Lanes load(const float* from) {
  return *reinterpret_cast<const LanesAnywhere*>(from);
}
STEERX_INLINE void store(float* to, Lanes value) { *reinterpret_cast<LanesAnywhere*>(to) = value; }

// Words that are halves, narrowed and widened. GCC takes detours through half registers.
STEERX_INLINE Words widened(Halves halves) {
#if defined(__AVX512F__) && !defined(__clang__)
  typedef short Shorts __attribute__((vector_size(32)));
  typedef int Ints __attribute__((vector_size(64)));
  return reinterpret_cast<Words>(
      __builtin_ia32_pmovzxwd512_mask(reinterpret_cast<Shorts>(halves), Ints{}, 0xffff));
#else
  return __builtin_convertvector(halves, Words);
#endif
}
STEERX_INLINE Halves narrowed(Words words) {
#if defined(__AVX512F__) && !defined(__clang__)
  typedef short Shorts __attribute__((vector_size(32)));
  typedef int Ints __attribute__((vector_size(64)));
  return reinterpret_cast<Halves>(
      __builtin_ia32_pmovdw512_mask(reinterpret_cast<Ints>(words), Shorts{}, 0xffff));
#else
  return __builtin_convertvector(words, Halves);
#endif
}

// The upper half of a float's bits, to nearest, ties to even; NaN stays NaN.
STEERX_INLINE Words upper(Lanes value) {
  const Words bits = reinterpret_cast<Words>(value);
  const Words rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  return value == value ? rounded : (bits >> 16) | 0x40u;
}

STEERX_INLINE Lanes load(const BFloat16* from) {
  return reinterpret_cast<Lanes>(widened(*reinterpret_cast<const HalvesAnywhere*>(from)) << 16);
}
STEERX_INLINE void store(BFloat16* to, Lanes value) {
  *reinterpret_cast<HalvesAnywhere*>(to) = narrowed(upper(value));
}

STEERX_INLINE Lanes load(const Half* from) {
  Lanes value = {};
  for (int l = 0; l < kLanes; ++l) value[l] = static_cast<float>(from[l]);
  return value;
}
STEERX_INLINE void store(Half* to, Lanes value) {
  for (int l = 0; l < kLanes; ++l) to[l] = static_cast<Half>(value[l]);
}

// The first `count` lanes, where a row of channels ends; the others are zero.
template <typename T>
STEERX_INLINE Lanes load(const T* from, int count) {
  T kept[kLanes] = {};
  // The analyzer does not follow the loops that fill a row before it is read here.
  // NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): the caller has filled it
  for (int l = 0; l < count; ++l) kept[l] = from[l];
  return load(kept);
}
template <typename T>
STEERX_INLINE void store(T* to, Lanes value, int count) {
  T kept[kLanes];
  store(kept, value);
  for (int l = 0; l < count; ++l) to[l] = kept[l];
}

// What a number is after being stored as T.
template <typename T>
STEERX_INLINE Lanes rounded(Lanes value) {
  T kept[kLanes];
  store(kept, value);
  return load(kept);
}
template <>
inline __attribute__((always_inline)) Lanes rounded<float>(Lanes value) {
  return value;
}

template <>
inline __attribute__((always_inline)) Lanes rounded<BFloat16>(Lanes value) {
  return reinterpret_cast<Lanes>(upper(value) << 16);
}

}  // namespace
}  // namespace STEERX_ISA
}  // namespace steerx

// Instruction sets of the CPU. A kernel's object for an instruction set runs only where isa_runs()
// says so: every feature that the object was compiled for (see setup.py and CMakeLists.txt) is
// asked for here.
#pragma once

namespace steerx {

enum class Isa : int { baseline, avx2, avx512 };

constexpr int kIsaCount = 3;

static inline const char* isa_name(Isa isa) {
  constexpr const char* names[kIsaCount] = {"baseline", "avx2", "avx512"};
  return names[static_cast<int>(isa)];
}

static inline bool isa_runs(Isa isa) {
#if defined(__x86_64__)
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("f16c");
  if (isa == Isa::avx2) return avx2;
  if (isa == Isa::avx512)
    return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
#endif
  return isa == Isa::baseline;
}

// The widest instruction set of this machine.
static inline Isa isa_widest() {
  return isa_runs(Isa::avx512) ? Isa::avx512 : isa_runs(Isa::avx2) ? Isa::avx2 : Isa::baseline;
}

}  // namespace steerx

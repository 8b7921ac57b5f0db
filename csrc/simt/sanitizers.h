// What the runner tells ASan and TSan about its fibers. Every function is found at run time or not
// at all, so one object serves plain and sanitized programs. This file's users are compiled without
// -fsanitize=thread: TSan must see the kernels' accesses and not the runner's.
#pragma once
#include <cstddef>

extern "C" {
#define SIMT_WEAK __attribute__((weak))
SIMT_WEAK void __sanitizer_start_switch_fiber(void** fake, const void* stack, size_t size);
SIMT_WEAK void __sanitizer_finish_switch_fiber(void* fake, const void** stack, size_t* size);
SIMT_WEAK void* __tsan_get_current_fiber();
SIMT_WEAK void* __tsan_create_fiber(unsigned flags);
SIMT_WEAK void __tsan_switch_to_fiber(void* fiber, unsigned flags);
SIMT_WEAK void __tsan_acquire(void* address);
SIMT_WEAK void __tsan_release(void* address);
// By another name: some compilers know these two as built-ins, whose address cannot be taken.
SIMT_WEAK void simt_tsan_read_range(void*, unsigned long) __asm__("__tsan_read_range");
SIMT_WEAK void simt_tsan_write_range(void*, unsigned long) __asm__("__tsan_write_range");
SIMT_WEAK void AnnotateIgnoreReadsBegin(const char*, int);
SIMT_WEAK void AnnotateIgnoreReadsEnd(const char*, int);
SIMT_WEAK void AnnotateIgnoreWritesBegin(const char*, int);
SIMT_WEAK void AnnotateIgnoreWritesEnd(const char*, int);
#undef SIMT_WEAK
}

namespace simt::host {

// Hides the runner's own calls of memcpy, malloc and the like from TSan.
struct Quiet {
  Quiet() {
    if (!AnnotateIgnoreReadsBegin) return;
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  }
  ~Quiet() {
    if (!AnnotateIgnoreReadsBegin) return;
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;
};

// A place in the order of events: what a thread did before `leave` is seen after another's `meet`.
inline void leave(void* event) {
  if (__tsan_release) __tsan_release(event);
}
inline void meet(void* event) {
  if (__tsan_acquire) __tsan_acquire(event);
}

// Accesses that an instruction makes which the runner executes.
inline void note_read(const void* from, size_t bytes) {
  if (simt_tsan_read_range) simt_tsan_read_range(const_cast<void*>(from), bytes);
}
inline void note_write(void* to, size_t bytes) {
  if (simt_tsan_write_range) simt_tsan_write_range(to, bytes);
}

}  // namespace simt::host

// A stack to change over to and from. On x86-64 by hand, some 20 ns; elsewhere by ucontext, some
// 350 ns.
#pragma once
#include <cstddef>
#include <cstdint>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace simt::host {

#if defined(__x86_64__)
extern "C" void simt_change_stack(void** from, void* to);

struct Stack {
  void* pointer = nullptr;

  // Makes the next change to this stack call entry(), which must never return.
  void prepare(void* memory, size_t size, void (*entry)()) {
    const uintptr_t top = (reinterpret_cast<uintptr_t>(memory) + size) & ~uintptr_t(15);
    void** slot = reinterpret_cast<void**>(top);
    *--slot = nullptr;  // where entry would return to
    *--slot = reinterpret_cast<void*>(entry);
    for (int saved = 0; saved < 6; ++saved) *--slot = nullptr;
    pointer = slot;
  }
};
inline void change(Stack& from, Stack& to) { simt_change_stack(&from.pointer, to.pointer); }

#else
struct Stack {
  ucontext_t context{};

  void prepare(void* memory, size_t size, void (*entry)()) {
    getcontext(&context);
    context.uc_stack.ss_sp = memory;
    context.uc_stack.ss_size = size;
    context.uc_link = nullptr;
    makecontext(&context, entry, 0);
  }
};
inline void change(Stack& from, Stack& to) { swapcontext(&from.context, &to.context); }
#endif

}  // namespace simt::host

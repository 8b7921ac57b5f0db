// Blocks one after another, the threads of a block in turns until all have ended.
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <random>

#include "block.h"
#include "sanitizers.h"

#if defined(__x86_64__)
// Keeps the registers that a call must keep, exchanges the stack pointer, and goes on where the
// other stack left off.
asm(R"(
.text
.globl simt_change_stack
.hidden simt_change_stack
.type simt_change_stack, @function
simt_change_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size simt_change_stack, .-simt_change_stack
)");
#endif

namespace simt::host {

thread_local const Indices* indices = nullptr;
thread_local Block* block = nullptr;
thread_local Thread* self = nullptr;

namespace {

constexpr unsigned kMostThreads = 1024;
constexpr size_t kStackBytes = 128 * 1024, kGuardBytes = 4096;
// Neighbouring blocks are different threads to TSan, so that races between blocks show; each thread
// keeps its own stack.
constexpr size_t kPools = 2;

thread_local std::string error;
thread_local Order order = Order::forward;
thread_local dim3 most_blocks = kAllBlocks;
thread_local std::mt19937 generator;
thread_local std::vector<char*> stacks;
thread_local std::vector<void*> tsan_threads;
char launched, finished;  // events

void reserve() {  // address space alone; what a thread never touches costs nothing
  while (stacks.size() < kMostThreads * kPools) {
    void* memory = mmap(nullptr, kStackBytes + kGuardBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    mprotect(memory, kGuardBytes, PROT_NONE);
    stacks.push_back(static_cast<char*>(memory) + kGuardBytes);
  }
  if (!__tsan_create_fiber) return;
  while (tsan_threads.size() < kMostThreads * kPools)
    tsan_threads.push_back(__tsan_create_fiber(0));
}

void resume(Thread& thread) {
  self = &thread;
  indices = &thread.indices;
  if (__sanitizer_start_switch_fiber)
    __sanitizer_start_switch_fiber(&block->scheduler_fake, thread.memory, kStackBytes);
  if (__tsan_switch_to_fiber) __tsan_switch_to_fiber(thread.tsan, 1);
  change(block->scheduler, thread.stack);
  if (__sanitizer_finish_switch_fiber)
    __sanitizer_finish_switch_fiber(block->scheduler_fake, nullptr, nullptr);
  self = nullptr;
  indices = nullptr;
}

void to_scheduler(bool for_good) {
  Thread& thread = *self;
  if (__sanitizer_start_switch_fiber)
    __sanitizer_start_switch_fiber(for_good ? nullptr : &thread.fake, block->scheduler_memory,
                                   block->scheduler_size);
  if (__tsan_switch_to_fiber)
    __tsan_switch_to_fiber(block->scheduler_tsan, 1);  // 1: orders nothing
  change(thread.stack, block->scheduler);
  if (__sanitizer_finish_switch_fiber)
    __sanitizer_finish_switch_fiber(thread.fake, nullptr, nullptr);
}

void open_barrier() {
  std::vector<Thread*> through;
  for (Thread& thread : block->threads) {
    if (thread.state != State::at_barrier) continue;
    if (!through.empty() && !same(thread.place, through[0]->place))
      fail("divergent __syncthreads: " + told(*through[0]) + " at " + told(through[0]->place) +
           ", " + told(thread) + " at " + told(thread.place));
    thread.state = State::ready;
    through.push_back(&thread);
  }
  depart(through);
  block->waiting = 0;
}

void live() {  // the life of a thread, on its own stack
  if (__sanitizer_finish_switch_fiber)
    __sanitizer_finish_switch_fiber(nullptr, &block->scheduler_memory, &block->scheduler_size);
  meet(&launched);
  try {
    if (!block->failed) block->body(block->argument);
    if (!block->failed && !(self->open.empty() && self->groups.empty()))
      fail(told(*self) + " ends with cp.async copies in flight; wait for them");
  } catch (const Abort&) {  // NOLINT(bugprone-empty-catch): who threw it has said why
  }
  leave(&finished);
  self->state = State::done;
  --block->alive;
  if (block->alive && block->waiting == block->alive) open_barrier();
  to_scheduler(true);
}

std::string deadlock() {
  std::string message = "deadlock:";
  for (const State state : {State::in_collective, State::at_barrier})
    for (const Thread& thread : block->threads) {
      if (thread.state != state) continue;
      message += " " + told(thread) + " waits " +
                 (state == State::at_barrier ? "in __syncthreads" : "in a warp collective") +
                 " at " + told(thread.place) + ";";
      break;
    }
  message.back() = '.';
  return message;
}

std::string refusal(dim3 grid, dim3 size, size_t shared_bytes) {
  char text[160] = "";
  const uint64_t threads = uint64_t(size.x) * size.y * size.z;
  if (threads == 0 || threads > kMostThreads || size.z > 64)
    std::snprintf(text, sizeof text, "a block of %u x %u x %u threads; 1 to %u, z at most 64",
                  size.x, size.y, size.z, kMostThreads);
  else if (!grid.x || !grid.y || !grid.z || grid.x > 0x7fffffffu || grid.y > 65535 ||
           grid.z > 65535)
    std::snprintf(text, sizeof text, "a grid of %u x %u x %u blocks; y and z at most 65535", grid.x,
                  grid.y, grid.z);
  else if (shared_bytes > kMostDynamicShared)
    std::snprintf(text, sizeof text, "%zu bytes of dynamic shared memory; at most %zu",
                  shared_bytes, kMostDynamicShared);
  return text;
}

void run_block(uint3 place, dim3 grid, dim3 size, size_t shared_bytes, unsigned pool) {
  Block& b = *block;
  const unsigned count = size.x * size.y * size.z;
  if (shared_bytes) b.dynamic = {poisoned(shared_bytes, 128), shared_bytes};
  if (__tsan_get_current_fiber) b.scheduler_tsan = __tsan_get_current_fiber();
  b.alive = count;
  b.threads.resize(count);
  std::vector<unsigned> turns(count);
  for (unsigned i = 0; i < count; ++i) {
    Thread& thread = b.threads[i];
    thread.indices = {{i % size.x, i / size.x % size.y, i / (size.x * size.y)}, place, size, grid};
    thread.warp = i / kLanes;
    thread.lane = i % kLanes;
    thread.memory = stacks[pool * kMostThreads + i];
    if (__tsan_create_fiber) thread.tsan = tsan_threads[pool * kMostThreads + i];
    thread.stack.prepare(thread.memory, kStackBytes, live);
    turns[i] = order == Order::reverse ? count - 1 - i : i;
  }
  while (b.alive) {
    if (order == Order::random) std::shuffle(turns.begin(), turns.end(), generator);
    bool moved = false;
    for (const unsigned i : turns) {
      Thread& thread = b.threads[i];
      if (thread.state == State::ready || (b.failed && thread.state != State::done)) {
        moved = true;
        resume(thread);
      }
    }
    if (!moved) fail(deadlock());
  }
  for (auto& [key, region] : b.named) std::free(region.memory);
  std::free(b.dynamic.memory);
}

}  // namespace

std::string told(const Place& place) {
  return std::string(place.file_name()) + ":" + std::to_string(place.line()) + ":" +
         std::to_string(place.column());
}

std::string told(const Thread& thread) {
  const uint3 &t = thread.indices.thread, &b = thread.indices.block;
  char text[96];
  std::snprintf(text, sizeof text, "thread (%u,%u,%u) of block (%u,%u,%u)", t.x, t.y, t.z, b.x, b.y,
                b.z);
  return text;
}

bool same(const Place& a, const Place& b) {
  return a.line() == b.line() && a.column() == b.column() &&
         std::strcmp(a.file_name(), b.file_name()) == 0;
}

void fail(const std::string& message) {
  const Quiet quiet;
  if (!block->failed) error = message;
  block->failed = true;
}

void give_up(const std::string& message) {
  fail(message);
  throw Abort{};
}

void wait_for_others() {
  to_scheduler(false);
  if (block->failed) throw Abort{};
}

void depart(const std::vector<Thread*>& threads) {
  void* event = &block->departures[block->synchronisations++ % sizeof block->departures];
  for (Thread* thread : threads) {
    meet(&thread->arrival);
    thread->departure = event;
  }
  leave(event);
}

void barrier(const Place& place) {
  leave(&self->arrival);
  self->place = place;
  self->state = State::at_barrier;
  if (++block->waiting == block->alive) {
    const Quiet quiet;
    open_barrier();
  }
  wait_for_others();
  meet(self->departure);
}

void set_order(Order wanted, unsigned seed) {
  order = wanted;
  generator.seed(seed);
}

void set_most_blocks(dim3 most) { most_blocks = most; }

const char* last_error() { return error.c_str(); }

int run(dim3 grid, dim3 size, size_t shared_bytes, Body body, void* argument) {
  error = refusal(grid, size, shared_bytes);
  if (!error.empty()) return 1;
  grid = {std::min(grid.x, most_blocks.x), std::min(grid.y, most_blocks.y),
          std::min(grid.z, most_blocks.z)};
  const Quiet quiet;
  reserve();
  leave(&launched);
  const uint64_t blocks = uint64_t(grid.x) * grid.y * grid.z;
  std::vector<uint64_t> sequence(blocks);
  std::iota(sequence.begin(), sequence.end(), uint64_t(0));
  if (order == Order::reverse) std::reverse(sequence.begin(), sequence.end());
  if (order == Order::random) std::shuffle(sequence.begin(), sequence.end(), generator);
  unsigned pool = 0;
  bool failed = false;
  for (const uint64_t i : sequence) {
    Block here;
    here.body = body;
    here.argument = argument;
    block = &here;
    const uint64_t x = i % grid.x, y = i / grid.x % grid.y, z = i / grid.x / grid.y;
    run_block({unsigned(x), unsigned(y), unsigned(z)}, grid, size, shared_bytes, pool);
    block = nullptr;
    pool = (pool + 1) % kPools;
    failed = here.failed;
    if (failed) break;
  }
  meet(&finished);
  return failed;
}

}  // namespace simt::host

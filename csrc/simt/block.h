// A block that runs: its threads, its shared memory, and what went wrong in it.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "fiber.h"
#include "host.h"

namespace simt::host {

enum class State { ready, at_barrier, in_collective, done };
enum class Collective { barrier, shuffle, ballot, mma, ldmatrix };

// What a lane brings to a collective of its warp.
struct Operand {
  Collective collective;
  unsigned mask;
  Place place;
  void* value = nullptr;  // in and out
  size_t size = 0;
  int kind = 0, argument = 0, width = 32;
  const void *a = nullptr, *b = nullptr;
};

struct Copy {  // of cp.async
  void* to;
  const void* from;  // null: zeros
  size_t bytes;
};

struct Thread {
  Stack stack;
  char* memory = nullptr;
  void *fake = nullptr, *tsan = nullptr;
  State state = State::ready;
  Indices indices;
  unsigned warp = 0, lane = 0;
  Place place;
  char arrival = 0;           // the event of arriving at a synchronisation
  void* departure = nullptr;  // and that of everybody's having arrived
  Operand* operand = nullptr;
  std::vector<Copy> open;
  std::vector<std::vector<Copy>> groups;
};

struct Region {
  char* memory = nullptr;
  size_t size = 0;
};

struct Block {
  std::vector<Thread> threads;
  std::map<const void*, Region> named;  // shared memory by its place in the program
  Region dynamic;
  size_t named_bytes = 0;
  unsigned alive = 0, waiting = 0, synchronisations = 0;
  char departures[256] = {};
  Stack scheduler;
  const void* scheduler_memory = nullptr;
  size_t scheduler_size = 0;
  void *scheduler_fake = nullptr, *scheduler_tsan = nullptr;
  Body body = nullptr;
  void* argument = nullptr;
  bool failed = false;
};

struct Abort {};  // unwinds a thread of a block that failed

constexpr unsigned kLanes = 32;
constexpr size_t kMostNamedShared = 48 * 1024;    // of SIMT_SHARED, as on every GPU
constexpr size_t kMostDynamicShared = 99 * 1024;  // the least of all architectures from sm_80 on

extern thread_local Block* block;
extern thread_local Thread* self;

std::string told(const Place&);
std::string told(const Thread&);
bool same(const Place&, const Place&);
void fail(const std::string& message);                  // the first message of a block is kept
[[noreturn]] void give_up(const std::string& message);  // fail and unwind this thread
void wait_for_others();                                 // to the scheduler and back
void depart(const std::vector<Thread*>&);  // all that these threads did is before all they will do
char* poisoned(size_t size, size_t align);
bool in_shared_memory(const void* from, size_t bytes);

}  // namespace simt::host

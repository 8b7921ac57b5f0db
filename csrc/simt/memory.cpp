// Shared memory, and the copies that run beside the program.
#include <cstdlib>
#include <cstring>
#include <new>

#include "block.h"
#include "sanitizers.h"

namespace simt::host {

char* poisoned(size_t size, size_t align) {
  void* memory = nullptr;  // of the exact size, so that ASan guards its end
  if (posix_memalign(&memory, align < 128 ? 128 : align, size)) throw std::bad_alloc();
  std::memset(memory, 0xff, size);  // NaN in every floating-point format
  return static_cast<char*>(memory);
}

void* shared(const void* key, size_t size, size_t align) {
  const Quiet quiet;
  Region& region = block->named[key];
  if (region.memory == nullptr) {
    region = {poisoned(size, align), size};
    block->named_bytes += size;
    if (block->named_bytes > kMostNamedShared)
      give_up(std::to_string(block->named_bytes) + " bytes of SIMT_SHARED in a kernel; at most " +
              std::to_string(kMostNamedShared) + ", take SIMT_DYNAMIC_SHARED");
  }
  return region.memory;
}

void* dynamic_shared() { return block->dynamic.memory; }

bool in_shared_memory(const void* from, size_t bytes) {
  const char* first = static_cast<const char*>(from);
  const auto holds = [&](const Region& region) {
    return region.memory && first >= region.memory && first + bytes <= region.memory + region.size;
  };
  if (holds(block->dynamic)) return true;
  for (const auto& [key, region] : block->named)
    if (holds(region)) return true;
  return false;
}

// A copy lands as late as the program allows: when its group is waited for. Until then there is
// NaN.
void cp_async(void* to, const void* from, size_t bytes, bool wanted, const Place& place) {
  if (reinterpret_cast<uintptr_t>(to) % bytes ||
      (wanted && reinterpret_cast<uintptr_t>(from) % bytes))
    give_up("misaligned cp.async of " + std::to_string(bytes) + " bytes at " + told(place));
  if (!in_shared_memory(to, bytes))
    give_up("cp.async to a place outside shared memory at " + told(place));
  if (wanted) note_read(from, bytes);
  note_write(to, bytes);
  const Quiet quiet;
  std::memset(to, 0xff, bytes);
  self->open.push_back({to, wanted ? from : nullptr, bytes});
}

void cp_async_commit() {
  const Quiet quiet;
  self->groups.push_back(std::move(self->open));
  self->open.clear();
}

void cp_async_wait(int pending) {
  while (int(self->groups.size()) > pending) {
    for (const Copy& copy : self->groups.front()) {
      if (copy.from) note_read(copy.from, copy.bytes);
      note_write(copy.to, copy.bytes);
      const Quiet quiet;
      if (copy.from)
        std::memcpy(copy.to, copy.from, copy.bytes);
      else
        std::memset(copy.to, 0, copy.bytes);
    }
    const Quiet quiet;
    self->groups.erase(self->groups.begin());
  }
}

}  // namespace simt::host

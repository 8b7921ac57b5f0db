// Work on a CPU handed out in small tasks to whichever thread is free: where a core is busy with
// something else, equal shares would wait for it.
#pragma once
#include <torch/csrc/stable/ops.h>

#include <atomic>
#include <cstdint>

namespace steerx {

// Asked once per call of an operator: memory that is shared out among so many threads is worked on
// by so many at most, whatever another thread sets meanwhile.
inline int64_t threads_now() { return torch::stable::get_num_threads(); }

// work(first, last, own) on pieces of `each` of 0 ... count - 1; own, below `threads`, is the
// thread's number.
template <typename Work>
void in_tasks(int64_t threads, int64_t count, int64_t each, const Work& work) {
  const int64_t tasks = (count + each - 1) / each;
  std::atomic<int64_t> next{0};
  torch::stable::parallel_for(0, threads < tasks ? threads : tasks, 1, [&](int64_t own, int64_t) {
    for (int64_t at = next++; at < tasks; at = next++) {
      const int64_t last = (at + 1) * each;
      work(at * each, last < count ? last : count, own);
    }
  });
}

}  // namespace steerx

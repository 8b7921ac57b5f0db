// Binding of filtered_lrelu on the CPU: repeats only what protects memory, since anyone can reach
// torch.ops directly. The bits depend neither on the pieces nor on who makes them.
#include "steerx/filtered_lrelu.h"

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/core/ScalarType.h>
#include <torch/headeronly/util/Exception.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include "chosen_isa.h"
#include "tasks.h"

namespace steerx {
namespace {

using torch::headeronly::MemoryFormat;
using torch::headeronly::ScalarType;
using torch::stable::Tensor;
using Maybe = std::optional<Tensor>;

constexpr int64_t kLine = 64;
constexpr int64_t kColumns = 128, kFewRows = 32;  // of a piece
constexpr int64_t kMost = int64_t{1}
                          << 30;     // of a size or rate: sums of them are counted in 64 bits
constexpr double kMostBytes = 1e12;  // of the room: so are its products

// As memory_format of steerx/_shapes.py.
bool channels_last(const Tensor& x) {
  if (x.is_contiguous()) return false;
  int64_t step = 1;
  for (const int64_t d : {1, 3, 2, 0}) {
    if (x.size(d) != 1 && x.stride(d) != step) return false;
    step *= x.size(d);
  }
  return true;
}

// One filter's taps in x's type, turned around; `gain` is that of both directions together.
template <typename T>
struct Taps {
  std::vector<T> rows, columns;
  FilterTaps taps;

  Taps(const Maybe& filter, ScalarType kind, double gain) {
    if (filter.has_value()) {
      const Tensor given = torch::stable::contiguous(torch::stable::to(*filter, kind));
      const T* from = static_cast<const T*>(given.const_data_ptr());
      rows.assign(from, from + given.numel());
      std::reverse(rows.begin(), rows.end());
    } else {
      rows.assign(1, T(1));
    }
    if (!filter.has_value() || filter->dim() == 1) columns = rows;
    for (T& tap : rows) tap *= static_cast<T>(gain);
    const int64_t t = filter.has_value() ? filter->size(0) : 1;
    taps = {rows.data(), columns.empty() ? nullptr : columns.data(), t};
  }
};

// No less than the room of so many threads, in numbers that do not overflow.
double room_at_most(const FilteredLreluParams& p, int64_t threads) {
  const double up = double(p.up), first = double(p.first.t), last = double(p.last.t);
  const double wide = double(kColumns) * double(p.down) + last, inputs = (wide + first) / up + 4;
  const double terms = std::max(first, last) * std::max(first, last);
  const double vectors = (first / up + 3) * inputs + (last + 1) * (wide + 2) + double(kColumns);
  return double(threads) * 2 * double(kLine) * (vectors + terms + 4);
}

void run(const FilteredLreluParams& p) {
  const FilteredLreluCpu kernel = filtered_lrelu_cpu(isa_chosen());
  const int64_t groups = kernel.groups(p), threads = threads_now();
  STD_TORCH_CHECK(room_at_most(p, threads) < kMostBytes,
                  "filtered_lrelu: filters too long for their rates and sizes");
  const auto pieces = [](int64_t all, int64_t most) { return (all + most - 1) / most; };
  const int64_t across = pieces(p.columns, kColumns), columns = pieces(p.columns, across);
  int64_t bands = 1;
  while (threads > 1 && groups * across * bands < 2 * threads && p.rows / bands > kFewRows)
    bands *= 2;
  const int64_t rows = pieces(p.rows, bands);
  bands = pieces(p.rows, rows);
  const int64_t each = pieces(kernel.room(p, columns), kLine) * kLine;
  Tensor room = torch::stable::empty({threads * each + kLine}, ScalarType::Byte);
  const uintptr_t begin = reinterpret_cast<uintptr_t>(room.mutable_data_ptr());
  const uintptr_t aligned = (begin + kLine - 1) / kLine * kLine;
  in_tasks(threads, groups * bands * across, 1, [&](int64_t task, int64_t, int64_t own) {
    const int64_t row = task / across % bands * rows, column = task % across * columns;
    if (row >= p.rows || column >= p.columns) return;
    const FilteredLreluPiece piece{task / (bands * across), row, std::min(rows, p.rows - row),
                                   column, std::min(columns, p.columns - column)};
    kernel.piece(p, piece, reinterpret_cast<void*>(aligned + static_cast<uintptr_t>(own * each)));
  });
}

template <typename T>
Tensor answer(FilteredLreluParams p, const Tensor& x, const Maybe& bias, const Maybe& up_filter,
              const Maybe& down_filter, const std::vector<int64_t>& padding) {
  const ScalarType kind = x.scalar_type();
  const Taps<T> first(up_filter, kind, double(p.up) * double(p.up)), last(down_filter, kind, 1.0);
  p.first = first.taps, p.last = last.taps;
  const auto result = [&](int64_t size, int64_t before, int64_t after) {
    const int64_t wide = size * p.up + before + after - p.first.t + 1;
    STD_TORCH_CHECK(wide >= p.last.t, "filtered_lrelu: x is smaller than its filters");
    return (wide - p.last.t) / p.down + 1;
  };
  p.left = padding[0], p.top = padding[2];
  p.rows = result(p.H, padding[2], padding[3]);
  p.columns = result(p.W, padding[0], padding[1]);
  p.channels_last = channels_last(x);
  const Tensor input = p.channels_last ? x : torch::stable::contiguous(x);
  const MemoryFormat format =
      p.channels_last ? MemoryFormat::ChannelsLast : MemoryFormat::Contiguous;
  Tensor y = torch::stable::empty({p.N, p.C, p.rows, p.columns}, kind, std::nullopt, x.device(),
                                  std::nullopt, format);
  Maybe shift;
  if (bias.has_value()) shift = torch::stable::contiguous(torch::stable::to(*bias, kind));
  p.x = input.const_data_ptr(), p.y = y.mutable_data_ptr();
  p.bias = shift.has_value() ? shift->const_data_ptr() : nullptr;
  if (p.N > 0 && p.C > 0) run(p);
  return y;
}

Tensor filtered_lrelu_on_cpu(const Tensor& x, Maybe bias, Maybe up_filter, Maybe down_filter,
                             int64_t up, int64_t down, std::vector<int64_t> padding, double slope,
                             double gain, std::optional<double> clamp) {
  const ScalarType kind = x.scalar_type();
  if (kind == ScalarType::Half || kind == ScalarType::BFloat16)  // in float32, rounded once
    return torch::stable::to(
        filtered_lrelu_on_cpu(torch::stable::to(x, ScalarType::Float), bias, up_filter, down_filter,
                              up, down, padding, slope, gain, clamp),
        kind);
  STD_TORCH_CHECK(kind == ScalarType::Float || kind == ScalarType::Double,
                  "filtered_lrelu: x must be float32, float64, float16 or bfloat16");
  STD_TORCH_CHECK(x.dim() == 4 && padding.size() == 4 && up >= 1 && down >= 1,
                  "filtered_lrelu: x must be [N, C, H, W], padding four numbers, rates 1 or more");
  for (const int64_t number :
       {up, down, x.size(2), x.size(3), padding[0], padding[1], padding[2], padding[3]})
    STD_TORCH_CHECK(-kMost < number && number < kMost,
                    "filtered_lrelu: sizes, rates and padding must be below 2^30");
  FilteredLreluParams p{};
  p.real = kind == ScalarType::Double ? Real::float64 : Real::float32;
  p.N = x.size(0), p.C = x.size(1), p.H = x.size(2), p.W = x.size(3);
  p.up = up, p.down = down, p.slope = slope, p.gain = gain;
  p.clamp = clamp.value_or(std::numeric_limits<double>::infinity());
  STD_TORCH_CHECK(p.H > 0 && p.W > 0, "filtered_lrelu: x has no pixels");
  STD_TORCH_CHECK(!bias.has_value() || (bias->dim() == 1 && bias->size(0) == p.C && bias->is_cpu()),
                  "filtered_lrelu: bias must be [C]");
  for (const Maybe* filter : {&up_filter, &down_filter})
    STD_TORCH_CHECK(!filter->has_value() ||
                        ((*filter)->is_cpu() && (*filter)->numel() > 0 &&
                         ((*filter)->dim() == 1 ||
                          ((*filter)->dim() == 2 && (*filter)->size(0) == (*filter)->size(1)))),
                    "filtered_lrelu: filters must be [t] or [t, t]");
  if (kind == ScalarType::Double)
    return answer<double>(p, x, bias, up_filter, down_filter, padding);
  return answer<float>(p, x, bias, up_filter, down_filter, padding);
}

}  // namespace
}  // namespace steerx

STABLE_TORCH_LIBRARY_IMPL(steerx, CPU, m) {
  m.impl("filtered_lrelu", TORCH_BOX(&steerx::filtered_lrelu_on_cpu));
}

// Compiled once per instruction set (STEERX_ISA). Lanes are planes, so that a filter, at any rates,
// is a sum of weighted, shifted rows, and no product is made with an inserted zero. Row by row of
// the upsampled picture: its input rows are filtered downwards, then across, with the activation,
// then across again, and wait in a ring for the last sum downwards. A piece stays in L2. Bound: the
// products; twelve taps at rates 2 and 2 are 72 a result, 180 where the last filter is square.
// bench/bench_filtered_lrelu.py
#if defined(__clang__)
#pragma clang fp contract(fast)
#else
#pragma GCC optimize("fp-contract=fast")  // sums of products are fused in every object that can
#endif
#include "steerx/filtered_lrelu.h"

#include "steerx/lanes.h"

namespace steerx {
namespace STEERX_ISA {
namespace {

constexpr int kBytes = kLanes * int{sizeof(float)};
constexpr int kSums = 8;  // results whose sums are in registers together

template <typename T>
struct Wide;
template <>
struct Wide<float> {
  typedef float Vec __attribute__((vector_size(kBytes)));
  typedef int32_t Places __attribute__((vector_size(kBytes)));
};
template <>
struct Wide<double> {
  typedef double Vec __attribute__((vector_size(kBytes)));
  typedef int64_t Places __attribute__((vector_size(kBytes)));
};
template <typename T>
constexpr int kPlanes = kBytes / int{sizeof(T)};  // side by side

int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
int64_t most(int64_t a, int64_t b) { return a < b ? b : a; }
int64_t divided(int64_t a, int64_t by) {  // rounded up, of any a
  return a >= 0 ? (a + by - 1) / by : -(-a / by);
}

bool square(const FilterTaps& taps) { return taps.columns == nullptr; }

// Of a pixel of the upsampled picture, `at` pixels behind the first input: the first input that its
// filter meets, and with which tap. Every up-th tap meets the next one.
struct Meeting {
  int64_t input, tap;

  Meeting(int64_t at, int64_t up) : input(divided(at, up)), tap(input * up - at) {}
};

// A piece's columns and its room, in vectors.
struct Plan {
  int64_t begin, inputs;  // columns of the input; some may lie outside
  int64_t wide, results;  // columns of the upsampled picture and of the result
  int64_t ring, pitch;    // input rows that are kept, and a row's vectors
  int64_t kept_pitch;     // of rows that wait for the last sum
  int64_t terms;

  Plan(const FilteredLreluParams& p, int64_t column, int64_t columns)
      : begin(divided(column * p.down - p.left, p.up)),
        wide((columns - 1) * p.down + p.last.t),
        results(columns),
        ring(divided(p.first.t, p.up)),
        terms(most(most_terms(p.first), most_terms(p.last))) {
    const int64_t last = column * p.down - p.left + wide - 1 + p.first.t - 1;
    inputs = most(divided(last + 1, p.up) - begin, 0);
    pitch = inputs | 1, kept_pitch = (square(p.last) ? wide : results) | 1;  // not all in one set
  }

  int64_t vectors(const FilteredLreluParams& p) const {
    return (ring + 1) * pitch + wide + p.last.t * kept_pitch + results;
  }

  static int64_t most_terms(const FilterTaps& taps) {
    return square(taps) ? taps.t * taps.t : taps.t;
  }
};

int64_t bytes_of(const FilteredLreluParams& p, int64_t columns) {
  Plan plan(p, 0, columns);
  plan.inputs += 1, plan.pitch += 2;  // another first column may need one more
  const int64_t each = kBytes + int64_t{sizeof(void*)} + int64_t{sizeof(double)};
  return plan.vectors(p) * kBytes + (plan.terms * each / kBytes + 2) * kBytes;
}

// What is summed for each result of a row: weights, and where the first result finds its number.
template <typename T>
struct Terms {
  const typename Wide<T>::Vec** from = nullptr;
  T* weight = nullptr;
  int64_t count = 0;

  STEERX_MEMBER void add(const typename Wide<T>::Vec* where, T by) {
    from[count] = where, weight[count++] = by;
  }
};

template <typename T, int kCount, int kStep, typename Finish>
STEERX_INLINE void some(const Terms<T>& terms, int64_t step, int64_t at, typename Wide<T>::Vec* to,
                        int64_t to_step, const Finish& finish) {
  using Vec = typename Wide<T>::Vec;
  const int64_t by = kStep > 0 ? kStep : step;
  Vec sum[kCount] = {};
  for (int64_t k = 0; k < terms.count; ++k) {
    const Vec weight = terms.weight[k] - Vec{};
    const Vec* from = terms.from[k] + at * by;
#pragma GCC unroll 8
    for (int j = 0; j < kCount; ++j) sum[j] += weight * from[j * by];
  }
#pragma GCC unroll 8
  for (int j = 0; j < kCount; ++j) to[(at + j) * to_step] = finish(sum[j]);
}

// A row of sums; the last ones are made twice rather than one by one.
template <typename T, int kStep, typename Finish>
STEERX_INLINE void row_of(const Terms<T>& terms, int64_t step, typename Wide<T>::Vec* to,
                          int64_t to_step, int64_t count, const Finish& finish) {
  if (count < kSums) {
    for (int64_t at = 0; at < count; ++at) some<T, 1, kStep>(terms, step, at, to, to_step, finish);
    return;
  }
  for (int64_t at = 0; at < count; at += kSums)
    some<T, kSums, kStep>(terms, step, least(at, count - kSums), to, to_step, finish);
}

// to[j to_step] = finish(sum over terms of weight * from[j step]), j < count.
template <typename T, typename Finish>
void sums(const Terms<T>& terms, int64_t step, typename Wide<T>::Vec* to, int64_t to_step,
          int64_t count, const Finish& finish) {
  if (step == 1) return row_of<T, 1>(terms, 1, to, to_step, count, finish);
  if (step == 2) return row_of<T, 2>(terms, 2, to, to_step, count, finish);
  row_of<T, 0>(terms, step, to, to_step, count, finish);
}
template <typename T>
void sums(const Terms<T>& terms, int64_t step, typename Wide<T>::Vec* to, int64_t count) {
  sums(terms, step, to, 1, count, [](typename Wide<T>::Vec sum) { return sum; });
}

template <typename Vec, typename Places>
STEERX_INLINE Vec chosen(const Vec& a, const Vec& b, const Places& places) {
#if defined(__clang__)
  constexpr int kCount = sizeof(a) / sizeof(a[0]);
  Vec taken;
  for (int l = 0; l < kCount; ++l)
    taken[l] = places[l] < kCount ? a[places[l]] : b[places[l] - kCount];
  return taken;
#else
  return __builtin_shuffle(a, b, places);
#endif
}

// Rows become columns: halves of ever smaller blocks change places.
template <typename T, int kStep = kPlanes<T> / 2>
STEERX_INLINE void turn(typename Wide<T>::Vec* v) {
  constexpr int kCount = kPlanes<T>;
  typename Wide<T>::Places upper = {}, lower = {};
  for (int l = 0; l < kCount; ++l) {
    upper[l] = (l & kStep) == 0 ? l : kCount + l - kStep;
    lower[l] = (l & kStep) == 0 ? l + kStep : kCount + l;
  }
#pragma GCC unroll 16
  for (int i = 0; i < kCount; ++i) {
    if ((i & kStep) != 0) continue;
    const typename Wide<T>::Vec a = v[i], b = v[i + kStep];
    v[i] = chosen(a, b, upper), v[i + kStep] = chosen(a, b, lower);
  }
  if constexpr (kStep > 1) turn<T, kStep / 2>(v);
}

// The planes of a group, in either layout.
template <typename T>
struct Planes {
  using Vec = typename Wide<T>::Vec;
  static constexpr int kCount = kPlanes<T>;
  const FilteredLreluParams& p;
  int64_t sample, first;  // plane, of the sample where channels are last, else of all
  int count;              // of the planes that there are
  Vec bias = {};

  Planes(const FilteredLreluParams& p_, int64_t group) : p(p_), sample(0), first(group * kCount) {
    const int64_t blocks = (p.C + kCount - 1) / kCount;
    if (p.channels_last) sample = group / blocks, first = group % blocks * kCount;
    count = static_cast<int>(least(kCount, (p.channels_last ? p.C : p.N * p.C) - first));
    for (int l = 0; p.bias != nullptr && l < count; ++l)
      bias[l] = static_cast<const T*>(p.bias)[(first + l) % p.C];
  }

  static void copy(T* to, const T* from, int64_t number) {
    for (int64_t l = 0; l < number; ++l) to[l] = from[l];
  }

  // Columns begin ... of an input row with their bias; zeros outside of the picture.
  void take(int64_t row, int64_t begin, int64_t columns, Vec* to) const {
    const T* x = static_cast<const T*>(p.x);
    const int64_t inside = least(most(-begin, 0), columns);
    const int64_t end = most(least(p.W - begin, columns), inside);
    for (int64_t j = 0; j < inside; ++j) to[j] = Vec{};
    for (int64_t j = end; j < columns; ++j) to[j] = Vec{};
    if (p.channels_last) {
      const T* from = x + ((sample * p.H + row) * p.W + begin) * p.C + first;
      for (int64_t j = inside; j < end; ++j) {
        Vec v = {};
        if (count == kCount)
          __builtin_memcpy(&v, from + j * p.C, kBytes);
        else
          for (int l = 0; l < kCount && l < count; ++l) v[l] = from[j * p.C + l];
        to[j] = v + bias;
      }
      return;
    }
    for (int64_t j = inside; j < end; j += kCount) {
      const int64_t number = least(kCount, end - j);
      Vec v[kCount] = {};
      for (int l = 0; l < count; ++l) {
        const T* from = x + ((first + l) * p.H + row) * p.W + begin + j;
        if (number == kCount)
          __builtin_memcpy(&v[l], from, kBytes);
        else
          copy(reinterpret_cast<T*>(&v[l]), from, number);
      }
      turn<T>(v);
      for (int64_t i = 0; i < number; ++i) to[j + i] = v[i] + bias;
    }
  }

  // Columns of a row of the result.
  void put(int64_t row, int64_t column, int64_t columns, const Vec* from) const {
    T* y = static_cast<T*>(p.y);
    if (p.channels_last) {
      T* to = y + ((sample * p.rows + row) * p.columns + column) * p.C + first;
      for (int64_t j = 0; j < columns; ++j) {
        if (count == kCount)
          __builtin_memcpy(to + j * p.C, from + j, kBytes);
        else
          for (int l = 0; l < kCount && l < count; ++l) to[j * p.C + l] = from[j][l];
      }
      return;
    }
    for (int64_t j = 0; j < columns; j += kCount) {
      const int64_t number = least(kCount, columns - j);
      Vec v[kCount] = {};
      for (int64_t i = 0; i < number; ++i) v[i] = from[j + i];
      turn<T>(v);
      for (int l = 0; l < count; ++l) {
        T* to = y + ((first + l) * p.rows + row) * p.columns + column + j;
        if (number == kCount)
          __builtin_memcpy(to, &v[l], kBytes);
        else
          copy(to, reinterpret_cast<const T*>(&v[l]), number);
      }
    }
  }
};

template <typename T>
class Work {
  using Vec = typename Wide<T>::Vec;
  const FilteredLreluParams& p;
  const FilteredLreluPiece& piece;
  const Plan plan;
  const Planes<T> planes;
  const Vec falling, rising, low, high;
  Vec *taken, *fallen, *spread, *kept, *result;
  Terms<T> terms;
  int64_t next = 0;  // input row

 public:
  Work(const FilteredLreluParams& p_, const FilteredLreluPiece& piece_, void* room)
      : p(p_),
        piece(piece_),
        plan(p_, piece_.column, piece_.columns),
        planes(p_, piece_.group),
        falling(static_cast<T>(p_.slope * p_.gain) - Vec{}),
        rising(static_cast<T>(p_.gain) - Vec{}),
        low(static_cast<T>(-p_.clamp) - Vec{}),
        high(static_cast<T>(p_.clamp) - Vec{}),
        taken(static_cast<Vec*>(room)),
        fallen(taken + plan.ring * plan.pitch),
        spread(fallen + plan.pitch),
        kept(spread + plan.wide),
        result(kept + p_.last.t * plan.kept_pitch) {
    terms.from = reinterpret_cast<const Vec**>(result + plan.results);
    terms.weight = reinterpret_cast<T*>(terms.from + plan.terms);
  }

  void run() {
    const int64_t first = piece.row * p.down, reach = p.last.t - 1;
    const int64_t last = first + (piece.rows - 1) * p.down + reach;
    for (int64_t row = first; row <= last; ++row) {
      if (square(p.last)) {
        upsampled(row, waiting(row));
      } else {
        upsampled(row, spread);
        terms.count = 0;
        for (int64_t k = 0; k <= reach; ++k) terms.add(spread + k, tap(p.last.columns, k));
        sums(terms, p.down, waiting(row), plan.results);
      }
      if (row - reach < first || (row - reach) % p.down != 0) continue;
      downwards(row - reach);
      planes.put((row - reach) / p.down, piece.column, plan.results, result);
    }
  }

 private:
  static T tap(const void* taps, int64_t k) { return static_cast<const T*>(taps)[k]; }
  Vec* input(int64_t row) const { return taken + row % plan.ring * plan.pitch; }
  Vec* waiting(int64_t row) const { return kept + row % p.last.t * plan.kept_pitch; }

  // A row between the filters, behind the activation. Rows outside are no terms.
  void upsampled(int64_t row, Vec* to) {
    const Meeting down(row - p.top, p.up);
    const auto each_row = [&](const auto& work) {
      int64_t at = down.input;
      for (int64_t t = down.tap; t < p.first.t && at < p.H; t += p.up, ++at)
        if (at >= 0) work(at, t);
    };
    each_row([&](int64_t at, int64_t) {
      if (at < next) return;
      planes.take(at, plan.begin, plan.inputs, input(at));
      next = at + 1;
    });
    if (!square(p.first)) {
      terms.count = 0;
      each_row([&](int64_t at, int64_t t) { terms.add(input(at), tap(p.first.rows, t)); });
      sums(terms, 1, fallen, plan.inputs);
    }
    const auto activated = [&](Vec sum) __attribute__((always_inline)) {
      sum *= sum < Vec{} ? falling : rising;
      sum = sum > high ? high : sum;
      return sum < low ? low : sum;
    };
    for (int64_t phase = 0; phase < least(p.up, plan.wide); ++phase) {
      const Meeting across(piece.column * p.down + phase - p.left, p.up);
      const int64_t offset = across.input - plan.begin;
      terms.count = 0;
      const auto add = [&](const Vec* from, const void* taps, int64_t before) {
        int64_t at = offset;
        for (int64_t t = across.tap; t < p.first.t; t += p.up, ++at)
          terms.add(from + at, tap(taps, before + t));
      };
      if (!square(p.first))
        add(fallen, p.first.columns, 0);
      else
        each_row([&](int64_t at, int64_t t) { add(input(at), p.first.rows, t * p.first.t); });
      sums(terms, 1, to + phase, p.up, (plan.wide - phase + p.up - 1) / p.up, activated);
    }
  }

  // A row of the result, whose filter begins at `row`.
  void downwards(int64_t row) {
    const int64_t t = p.last.t;
    terms.count = 0;
    for (int64_t i = 0; i < t; ++i)
      for (int64_t k = 0; k < (square(p.last) ? t : 1); ++k)
        terms.add(waiting(row + i) + k, tap(p.last.rows, square(p.last) ? i * t + k : i));
    sums(terms, square(p.last) ? p.down : 1, result, plan.results);
  }
};

int64_t groups(const FilteredLreluParams& p) {
  const int64_t side = p.real == Real::float64 ? kPlanes<double> : kPlanes<float>;
  return p.channels_last ? p.N * divided(p.C, side) : divided(p.N * p.C, side);
}

void piece_of(const FilteredLreluParams& p, const FilteredLreluPiece& piece, void* room) {
  p.real == Real::float64 ? Work<double>(p, piece, room).run() : Work<float>(p, piece, room).run();
}

}  // namespace

FilteredLreluCpu filtered_lrelu() { return {groups, bytes_of, piece_of}; }

}  // namespace STEERX_ISA

#ifdef STEERX_TABLE
#if defined(__x86_64__)
namespace avx2 {
FilteredLreluCpu filtered_lrelu();
}
namespace avx512 {
FilteredLreluCpu filtered_lrelu();
}
#endif

FilteredLreluCpu filtered_lrelu_cpu(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx2) return avx2::filtered_lrelu();
  if (isa == Isa::avx512) return avx512::filtered_lrelu();
#endif
  return isa == Isa::baseline ? STEERX_ISA::filtered_lrelu()
                              : FilteredLreluCpu{nullptr, nullptr, nullptr};
}
#endif

}  // namespace steerx

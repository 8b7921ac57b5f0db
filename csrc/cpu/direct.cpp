// Compiled once per instruction set (STEERX_ISA). A piece of the input and its margin is copied
// channel block by channel block, row behind row, so that every tap of 32 results in a row is one
// address; results at the ends of rows that no pixel stands for are made and dropped. For each
// block of outputs the sums of the piece stay in L2 and the columns of a few steps in L1; what
// follows them, blur and tail, takes them from there. Bound: the products; then L2.
// bench/bench_cpu_renderer.py
#if defined(__clang__)
#pragma clang fp contract(fast)
#else
#pragma GCC optimize("fp-contract=fast")  // sums of products are fused in every object that can
#endif
#include "steerx/direct.h"

#include "steerx/cpu_tail.h"
#include "steerx/matrix_unit.h"

#if defined(__linux__) && defined(__x86_64__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace steerx {
namespace STEERX_ISA {
namespace {

constexpr int kMostTaps = 9, kMostSteps = 9, kPhases = 4, kBlur = 4;

// The products that one result is the sum of: taps (row, column) of the copied pixels.
struct Taps {
  int count;
  int row[kMostTaps], column[kMostTaps];
};

// Of the phases of a form's results. Phase 2 i + j of an upsampling is row 2 a + i, column 2 b + j
// of the transposed convolution: x[a] by the middle tap, or x[a] and x[a - 1] by the outer ones.
int taps_of(DirectForm form, Taps* phases) {
  if (form == DirectForm::plain) {
    phases[0].count = kMostTaps;
    for (int t = 0; t < kMostTaps; ++t) phases[0].row[t] = t / 3, phases[0].column[t] = t % 3;
    return 1;
  }
  for (int phase = 0; phase < kPhases; ++phase) {
    Taps& taps = phases[phase] = {};
    for (int row = 1; row >= phase / 2; --row)
      for (int column = 1; column >= phase % 2; --column)
        taps.row[taps.count] = row, taps.column[taps.count++] = column;
  }
  return kPhases;
}

// A piece's room: x [I / 32][pixels][32], sums [results][phases][32], sums of the picture.
// Results are those of the piece and, where they are blurred, of a margin of one around it.
struct Room {
  int64_t phases, margin, high, wide, results, pixels;
  int64_t taken, summed, pictured;  // bytes

  Room(const DirectParams& p, int64_t rows, int64_t columns)
      : phases(p.form == DirectForm::plain ? 1 : kPhases),
        margin(p.form == DirectForm::plain ? 0 : 1),
        high(rows + 2 * margin),
        wide(columns + 2 + margin),
        results((high * wide + kSide - 1) / kSide * kSide),
        pixels(results + (2 - margin) * (wide + 1)),  // to the last result's last tap
        taken(line(pixels * p.I * int64_t(sizeof(BFloat16)))),
        summed(results * phases * kSide * int64_t(sizeof(float))),
        pictured(margin != 0 ? 0
                             : (high * wide + kLanes) * kPictureChannels * int64_t(sizeof(Lanes))) {
  }

  static int64_t line(int64_t bytes) { return (bytes + 63) / 64 * 64; }
};

// The pixels of a piece and those around it, zeros outside of the sample.
void take(const DirectParams& p, const Room& room, const DirectPiece& piece, BFloat16* to) {
  constexpr uint64_t kBytes = kSide * sizeof(BFloat16);
  const int64_t left = piece.column - 1 - room.margin;
  const int64_t before = left < 0 ? -left : 0;  // columns of zeros
  const int64_t inside = left + room.wide < p.W ? room.wide : p.W - left;
  const int64_t blocks = p.I / kSide;
  int64_t row = piece.row - 1 - room.margin;
  for (int64_t begin = 0; begin < room.pixels; begin += room.wide, ++row) {
    const int64_t wide = room.pixels - begin < room.wide ? room.pixels - begin : room.wide;
    const int64_t last = row < 0 || row >= p.H ? 0 : inside < wide ? inside : wide;
    const uint16_t* from = p.x + ((piece.n * p.H + row) * p.W + left) * p.I;
    const auto blank = [&](int64_t column, int64_t end) {
      for (int64_t block = 0; block < blocks && column < end; ++block)
        __builtin_memset(to + (block * room.pixels + begin + column) * kSide, 0,
                         static_cast<uint64_t>(end - column) * kBytes);
    };
    blank(0, before < last ? before : wide);
    for (int64_t column = before; column < last; ++column)
      for (int64_t block = 0; block < blocks; ++block)
        __builtin_memcpy(to + (block * room.pixels + begin + column) * kSide,
                         from + column * p.I + block * kSide, kBytes);
    if (before < last) blank(last, wide);
  }
}

// Sums of a phase and 32 outputs over all channels; returns the columns behind those it took.
template <typename Unit>
const BFloat16* sum_up(const DirectParams& p, const Room& room, const Taps& taps, const BFloat16* x,
                       const BFloat16* columns, float* sums) {
  const int64_t blocks = p.I / kSide, most = kMostSteps / taps.count;
  const int64_t groups = room.results / kSide, apart = room.phases * kSide;
  for (int64_t block = 0; block < blocks; block += most) {
    const int64_t some = blocks - block < most ? blocks - block : most;
    int64_t at[kMostSteps];
    int count = 0;
    for (int64_t b = block; b < block + some; ++b)
      for (int t = 0; t < taps.count; ++t)
        at[count++] = (b * room.pixels + taps.row[t] * room.wide + taps.column[t]) * kSide;
    // The next steps' columns come while these are multiplied: so many lines a step of a group.
    const int64_t lines = (kStep * int64_t(sizeof(BFloat16)) / kLine + groups - 1) / groups;
    const BFloat16* next = columns + count * kStep;
    for (int64_t group = 0; group < groups; ++group) {
      const char* ahead = reinterpret_cast<const char*>(next) + group * count * lines * kLine;
      const Steps steps{at, count, ahead, static_cast<int>(lines)};
      Unit::product(x + group * kSide * kSide, steps, columns, sums + group * kSide * apart,
                    static_cast<int>(apart), block == 0);
    }
    columns = next;
  }
  return columns;
}

// The tail of 32 channels from o on.
struct BlockTail {
  static constexpr int kParts = kSide / kLanes;
  LanesTail<BFloat16> part[kParts];

  BlockTail(const SampleTail<BFloat16>& tail, int64_t o) {
    for (int c = 0; c < kParts; ++c) part[c] = LanesTail<BFloat16>(tail, o + c * kLanes);
  }
};

void out_plain(const DirectParams& p, const Room& room, const DirectPiece& piece,
               const BlockTail& tail, const float* sums, Lanes (*pictured)[kPictureChannels]) {
  for (int64_t row = 0; row < piece.rows; ++row)
    for (int64_t column = 0; column < piece.columns; ++column) {
      const int64_t at = row * room.wide + column;
      const int64_t pixel = (piece.row + row) * p.W + piece.column + column;
      for (int c = 0; c < BlockTail::kParts; ++c)
        tail.part[c].pixel(load(sums + at * kSide + c * kLanes), pixel, pictured[at]);
    }
}

// Two rows of the result at a time from five of the transposed convolution: blurred downwards into
// `across` [2][2 columns + 3][32], then across. Rows and columns outside of the sample are sums of
// zeros.
void out_blurred(const DirectParams& p, const Room& room, const DirectPiece& piece,
                 const BlockTail& tail, const float* sums, float* across) {
  const int64_t wide = 2 * piece.columns + kBlur - 1;
  Lanes tap[kBlur], unpictured[kPictureChannels];
  for (int t = 0; t < kBlur; ++t) tap[t] = lanes(p.taps[t]);
  for (int64_t row = 0; row < piece.rows; ++row) {
    const float* from[kBlur + 1];
    for (int64_t t = 0; t <= kBlur; ++t)
      from[t] = sums + (((2 * row + 1 + t) / 2 * room.wide) * kPhases + (t + 1) % 2 * 2) * kSide;
    for (int64_t column = 0; column < wide; ++column) {
      const int64_t at = ((column + 1) / 2 * kPhases + (column + 1) % 2) * kSide;
      float* to = across + column * kSide;
      for (int c = 0; c < kSide; c += kLanes) {
        Lanes z[kBlur + 1];
        for (int t = 0; t <= kBlur; ++t) z[t] = load(from[t] + at + c);
        store(to + c, tap[0] * z[0] + tap[1] * z[1] + tap[2] * z[2] + tap[3] * z[3]);
        store(to + wide * kSide + c, tap[0] * z[1] + tap[1] * z[2] + tap[2] * z[3] + tap[3] * z[4]);
      }
    }
    for (int64_t i = 0; i < 2; ++i) {
      const int64_t first = (2 * (piece.row + row) + i) * 2 * p.W + 2 * piece.column;
      for (int64_t column = 0; column < 2 * piece.columns; ++column)
        for (int c = 0; c < BlockTail::kParts; ++c) {
          const float* at = across + (i * wide + column) * kSide + c * kLanes;
          tail.part[c].pixel(tap[0] * load(at) + tap[1] * load(at + kSide) +
                                 tap[2] * load(at + 2 * kSide) + tap[3] * load(at + 3 * kSide),
                             first + column, unpictured);
        }
    }
  }
}

int64_t needed(const DirectParams& p, int64_t rows, int64_t columns) {
  const Room room(p, rows, columns);
  const int64_t across = 2 * (2 * columns + kBlur) * kSide * int64_t(sizeof(float));
  return room.taken + room.summed + room.pictured + across;
}

template <typename Unit>
void make(const DirectParams& p, const DirectPiece& piece, void* memory) {
  const Room room(p, piece.rows, piece.columns);
  char* bytes = static_cast<char*>(memory);
  BFloat16* x = reinterpret_cast<BFloat16*>(bytes);
  float* sums = reinterpret_cast<float*>(bytes += room.taken);
  auto* pictured = reinterpret_cast<Lanes(*)[kPictureChannels]>(bytes += room.summed);
  float* across = reinterpret_cast<float*>(bytes + room.pictured);
  const int64_t up = p.form == DirectForm::plain ? 1 : 2;
  const SampleTail<BFloat16> tail(p.tail, piece.n, up * p.H, up * p.W, p.O);
  if (tail.pictured()) __builtin_memset(pictured, 0, static_cast<uint64_t>(room.pictured));
  take(p, room, piece, x);
  Taps phases[kPhases];
  const int count = taps_of(p.form, phases);
  const BFloat16* columns =
      reinterpret_cast<const BFloat16*>(p.weight) + piece.block * kMostTaps * p.I * kSide;
  const int64_t first = piece.block * kSide, last = first + piece.blocks * kSide;
  Unit::start();
  for (int64_t o = first; o < last; o += kSide) {
    for (int phase = 0; phase < count; ++phase)
      columns = sum_up<Unit>(p, room, phases[phase], x, columns, sums + phase * kSide);
    if (up == 1)
      out_plain(p, room, piece, BlockTail(tail, o), sums, pictured);
    else
      out_blurred(p, room, piece, BlockTail(tail, o), sums, across);
  }
  Unit::stop();
  for (int64_t row = 0; row < piece.rows && tail.pictured(); ++row)
    for (int64_t column = 0; column < piece.columns; column += kLanes) {
      const int64_t rest = piece.columns - column;
      const int some = rest < kLanes ? static_cast<int>(rest) : kLanes;
      tail.group(pictured + row * room.wide + column, piece.row + row, piece.column + column, 1,
                 some, some);
    }
}

}  // namespace

DirectCpu direct(bool units) {
#if defined(__AVX512F__)
  if (units) return {needed, make<MatrixUnit>};
#endif
  return units ? DirectCpu{nullptr, nullptr} : DirectCpu{needed, make<FloatUnit>};
}

}  // namespace STEERX_ISA

#ifdef STEERX_TABLE
#if defined(__x86_64__)
namespace avx2 {
DirectCpu direct(bool units);
}
namespace avx512 {
DirectCpu direct(bool units);
}
#endif

bool matrix_units_run() {
#if defined(__linux__) && defined(__x86_64__)
  static const bool may = [] {
    constexpr long kAsk = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM
    return isa_runs(Isa::avx512) && __builtin_cpu_supports("amx-tile") &&
           __builtin_cpu_supports("amx-bf16") && syscall(SYS_arch_prctl, kAsk, kTileData) == 0;
  }();
  return may;
#else
  return false;
#endif
}

DirectCpu direct_cpu(Isa isa, bool units) {
  if (units && !matrix_units_run()) return {nullptr, nullptr};
#if defined(__x86_64__)
  if (isa == Isa::avx2) return avx2::direct(units);
  if (isa == Isa::avx512) return avx512::direct(units);
#endif
  return isa == Isa::baseline ? STEERX_ISA::direct(units) : DirectCpu{nullptr, nullptr};
}
#endif

}  // namespace steerx

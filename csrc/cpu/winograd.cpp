// Compiled once per instruction set (STEERX_ISA). A piece of tiles is transformed, multiplied and
// transformed back in the room of one thread; lanes are channels throughout. Bound: arithmetic, the
// products; the weights of a point are read once per piece from L3 or memory, so pieces are as long
// as L2 and the tiles allow. bench/bench_cpu_renderer.py
#if defined(__clang__)
#pragma clang fp contract(fast)
#else
#pragma GCC optimize("fp-contract=fast")  // sums of products are fused in every object that can
#endif
#include "steerx/winograd.h"

#include "steerx/cpu_tail.h"
#include "steerx/panel_product.h"

namespace steerx {
namespace STEERX_ISA {
namespace {

// F(4, 3) at the points 0, +-3/4, +-3/2 and infinity: half the error of 0, +-1, +-2.
struct Plain {
  static constexpr int kIn = 6, kPoints = 6, kOut = 4, kBefore = 1;
  static constexpr float p = 0.75f, q = 1.5f, pp = p * p, qq = q * q;

  STEERX_INLINE void in(const Lanes* d, int step, Lanes* v, int to) {
    const Lanes d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step],
                d5 = d[5 * step];
    v[0] = pp * qq * d0 - (pp + qq) * d2 + d4;
    const Lanes even = d4 - qq * d2, odd = p * (d3 - qq * d1);
    v[to] = even + odd, v[2 * to] = even - odd;
    const Lanes even2 = d4 - pp * d2, odd2 = q * (d3 - pp * d1);
    v[3 * to] = even2 + odd2, v[4 * to] = even2 - odd2;
    v[5 * to] = pp * qq * d1 - (pp + qq) * d3 + d5;
  }
  STEERX_INLINE void out(const Lanes* m, int step, Lanes* y, int to) {
    const Lanes a = m[step] + m[2 * step], b = m[step] - m[2 * step];
    const Lanes c = m[3 * step] + m[4 * step], d = m[3 * step] - m[4 * step];
    y[0] = m[0] + a + c;
    y[to] = p * b + q * d;
    y[2 * to] = pp * a + qq * c;
    y[3 * to] = p * pp * b + q * qq * d + m[5 * step];
  }
};

// A transposed convolution in one direction, phase by phase. Even results: F(4, 2) at the points 0,
// 1, -1, 2 and infinity of d[-1 ... 3].
struct Even {
  static constexpr int kIn = 5, kPoints = 5, kOut = 4, kBefore = 1, kPhase = 0, kFirstPoint = 0;

  STEERX_INLINE void in(const Lanes* d, int step, Lanes* v, int to) {
    const Lanes d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step];
    v[0] = 2.0f * (d0 - d2) + (d3 - d1);
    v[to] = d3 - d2 - 2.0f * d1;
    v[2 * to] = d3 - 3.0f * d2 + 2.0f * d1;
    v[3 * to] = d3 - d1;
    v[4 * to] = 2.0f * (d1 - d3) + (d4 - d2);
  }
  STEERX_INLINE void out(const Lanes* m, int step, Lanes* y, int to) {
    const Lanes a = m[step] + m[2 * step], b = m[step] - m[2 * step], c = m[3 * step];
    y[0] = m[0] + a + c;
    y[to] = b + 2.0f * c;
    y[2 * to] = a + 4.0f * c;
    y[3 * to] = b + 8.0f * c + m[4 * step];
  }
};

// Odd results: d times the middle tap.
struct Odd {
  static constexpr int kIn = 5, kPoints = 4, kOut = 4, kBefore = 1, kPhase = 1, kFirstPoint = 5;

  STEERX_INLINE void in(const Lanes* d, int step, Lanes* v, int to) {
    for (int i = 0; i < kPoints; ++i) v[i * to] = d[(i + 1) * step];
  }
  STEERX_INLINE void out(const Lanes* m, int step, Lanes* y, int to) {
    for (int i = 0; i < kPoints; ++i) y[i * to] = m[i * step];
  }
};

constexpr int64_t kPointsDoubled = 9;  // of both phases in one direction

constexpr int64_t kApart = 5 * kBlock;  // keeps the points of a tile out of each other's way in L1

// Where a tile lies: its sample, and its first input pixel.
struct Place {
  int64_t n, row, column;
};

// Of the points of tiles below, beside and at the corner all but the first of a direction are zero:
// products left out.
struct Tiles : WinogradTiles {
  explicit Tiles(const WinogradParams& p) : WinogradTiles(winograd_tiles(p)) {}

  Place place(int64_t tile) const {
    if (tile < inner)
      return {tile / (high * wide), tile / wide % high * kTileSide, tile % wide * kTileSide};
    tile -= inner;
    if (tile < below) return {tile / wide, high * kTileSide, tile % wide * kTileSide};
    tile -= below;
    if (tile < beside) return {tile / high, tile % high * kTileSide, wide * kTileSide};
    return {tile - beside, high * kTileSide, wide * kTileSide};
  }
};

// Sizes of a piece's room: V [points][groups][I / 16][kGroup][16], M [points][tiles][O].
struct Room {
  int64_t groups, tiles, v_point, m_point, m_step;

  Room(const WinogradParams& p, int64_t count)
      : groups((count + kGroup - 1) / kGroup),
        tiles(count),
        v_point(groups * kGroup * p.I + kApart),
        m_point(count * p.O + kApart),
        m_step(p.O) {}
};

// kRows and kColumns: how many points of a direction are not zero.
template <typename Rows, typename Columns, int kRows, int kColumns>
void transform_in(const WinogradParams& p, const Tiles& tiles, const Room& room, int64_t first,
                  float* v) {
  constexpr int kIn = Rows::kIn;
  for (int64_t t = 0; t < room.tiles; ++t) {
    const Place at = tiles.place(first + t);
    const float* from[kIn * kIn];
    for (int i = 0; i < kIn * kIn; ++i) {
      const int64_t row = at.row - Rows::kBefore + i / kIn,
                    column = at.column - Columns::kBefore + i % kIn;
      const bool inside = row >= 0 && row < p.H && column >= 0 && column < p.W;
      from[i] = inside ? p.x + ((at.n * p.H + row) * p.W + column) * p.I : nullptr;
    }
    float* to = v + t / kGroup * kGroup * p.I + t % kGroup * kBlock;
    for (int64_t c = 0; c < p.I; c += kLanes) {
      Lanes d[kIn * kIn], half[Rows::kPoints * kIn];
#pragma GCC unroll 36
      for (int i = 0; i < kIn * kIn; ++i) d[i] = from[i] == nullptr ? Lanes{} : load(from[i] + c);
#pragma GCC unroll 6
      for (int i = 0; i < kIn; ++i) Rows::in(d + i, kIn, half + i, kIn);
      float* out = to + c / kBlock * kGroup * kBlock + c % kBlock;
#pragma GCC unroll 6
      for (int i = 0; i < kRows; ++i) {
        Lanes whole[Columns::kPoints];
        Columns::in(half + i * kIn, 1, whole, 1);
#pragma GCC unroll 6
        for (int j = 0; j < kColumns; ++j) store(out + (i * kColumns + j) * room.v_point, whole[j]);
      }
    }
  }
}

// The results of a tile's products, row by row: row(i, y) gets the kOut of row i.
template <typename Rows, typename Columns, int kRows, int kColumns, typename Row>
STEERX_INLINE void back(const float* m, int64_t point, const Row& row) {
  constexpr int kAcross = Columns::kPoints;
  Lanes half[Rows::kOut * kAcross];
#pragma GCC unroll 6
  for (int j = 0; j < kAcross; ++j) {
    Lanes column[Rows::kPoints];
#pragma GCC unroll 6
    for (int i = 0; i < Rows::kPoints; ++i)
      column[i] = i < kRows && j < kColumns ? load(m + (i * kColumns + j) * point) : Lanes{};
    Rows::out(column, 1, half + j, kAcross);
  }
  for (int i = 0; i < Rows::kOut; ++i) {
    Lanes y[Columns::kOut];
    Columns::out(half + i * kAcross, 1, y, 1);
    row(i, y);
  }
}

void out_with_tail(const WinogradParams& p, const Tiles& tiles, const Room& room, int64_t first,
                   const float* m) {
  constexpr int kOut = Plain::kOut;
  for (int64_t t = 0; t < room.tiles; ++t) {
    const Place at = tiles.place(first + t);
    const SampleTail<float> tail(p.tail, at.n, p.H, p.W, p.O);
    const int rows = p.H - at.row < kOut ? static_cast<int>(p.H - at.row) : kOut;
    const int columns = p.W - at.column < kOut ? static_cast<int>(p.W - at.column) : kOut;
    float shift[kOut * kOut];
    Lanes sums[kOut * kOut][kPictureChannels] = {};
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < columns; ++j)
        shift[i * kOut + j] = tail.shift((at.row + i) * p.W + at.column + j);
    for (int64_t o = 0; o < p.O; o += kLanes) {
      const auto row = [&](int i, const Lanes* y) __attribute__((always_inline)) {
        if (i >= rows) return;
        for (int j = 0; j < columns; ++j)
          tail.channels<true>(y[j], shift[i * kOut + j], (at.row + i) * p.W + at.column + j, o,
                              kLanes, sums[i * kOut + j]);
      };
      back<Plain, Plain, Plain::kPoints, Plain::kPoints>(m + t * room.m_step + o, room.m_point,
                                                         row);
    }
    constexpr int kRows = kLanes / kOut;  // of a group
    for (int i = 0; i < rows && tail.pictured(); i += kRows) {
      const int some = rows - i < kRows ? rows - i : kRows;
      tail.group(sums + i * kOut, at.row + i, at.column, some, columns, kOut);
    }
  }
}

template <typename Rows, typename Columns, int kRows, int kColumns>
void out_doubled(const WinogradParams& p, const Tiles& tiles, const Room& room, int64_t first,
                 const float* m) {
  constexpr int kOut = Rows::kOut;
  const int64_t H = 2 * p.H + 1, W = 2 * p.W + 1;
  const auto those_inside = [](int64_t begin, int64_t end) {  // every other one
    return end - begin < 2 * kOut ? static_cast<int>((end - begin + 1) / 2) : kOut;
  };
  for (int64_t t = 0; t < room.tiles; ++t) {
    const Place at = tiles.place(first + t);
    const int64_t row = 2 * at.row + Rows::kPhase, column = 2 * at.column + Columns::kPhase;
    const int rows = those_inside(row, H), columns = those_inside(column, W);
    for (int64_t o = 0; o < p.O; o += kLanes) {
      float* to = p.z + ((at.n * H + row) * W + column) * p.O + o;
      const auto whole = [&](int i, const Lanes* y) __attribute__((always_inline)) {
        if (i >= rows) return;
        for (int j = 0; j < columns; ++j) store(to + (i * W + j) * 2 * p.O, y[j]);
      };
      back<Rows, Columns, kRows, kColumns>(m + t * room.m_step + o, room.m_point, whole);
    }
  }
}

// The phases are made one by one: the most points at a time.
int64_t needed(const WinogradParams& p, int64_t tiles) {
  const Room room(p, tiles);
  const int64_t points = p.form == WinogradForm::plain ? Plain::kPoints * Plain::kPoints
                                                       : Even::kPoints * Even::kPoints;
  return points * (room.v_point + room.m_point);
}

// Products at the points of a phase, which the weight has among `across` in a row from `point` on.
void multiply(const WinogradParams& p, const Room& room, int rows, int columns, int64_t point,
              int64_t across, const float* v, float* m) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) {
      const int64_t at = i * columns + j;
      matrix_product(v + at * room.v_point, room.tiles,
                     p.weight + (point + i * across + j) * p.O * p.I, p.I, p.O,
                     m + at * room.m_point, room.m_step);
    }
}

template <typename Rows, typename Columns, int kRows, int kColumns>
void make_phase(const WinogradParams& p, const Tiles& tiles, const Room& room, int64_t first,
                float* v) {
  float* m = v + kRows * kColumns * room.v_point;
  constexpr int64_t kPoint = Rows::kFirstPoint * kPointsDoubled + Columns::kFirstPoint;
  transform_in<Rows, Columns, kRows, kColumns>(p, tiles, room, first, v);
  multiply(p, room, kRows, kColumns, kPoint, kPointsDoubled, v, m);
  out_doubled<Rows, Columns, kRows, kColumns>(p, tiles, room, first, m);
}

// Tiles first ... last - 1, as far as they lie in begin ... end - 1. kBelow, kBeside: they are
// there, where odd results are none and even ones have one point.
template <bool kBelow, bool kBeside>
void make_doubled(const WinogradParams& p, const Tiles& tiles, int64_t begin, int64_t end,
                  int64_t first, int64_t last, float* v) {
  first = first > begin ? first : begin, last = last < end ? last : end;
  if (first >= last) return;
  const Room room(p, last - first);
  constexpr int kRows = kBelow ? 1 : Even::kPoints, kColumns = kBeside ? 1 : Even::kPoints;
  make_phase<Even, Even, kRows, kColumns>(p, tiles, room, first, v);
  if (!kBeside) make_phase<Even, Odd, kRows, Odd::kPoints>(p, tiles, room, first, v);
  if (!kBelow) make_phase<Odd, Even, Odd::kPoints, kColumns>(p, tiles, room, first, v);
  if (!kBelow && !kBeside)
    make_phase<Odd, Odd, Odd::kPoints, Odd::kPoints>(p, tiles, room, first, v);
}

void make(const WinogradParams& p, int64_t first, int64_t last, float* v) {
  const Tiles tiles(p);
  if (p.form == WinogradForm::plain) {
    constexpr int kPoints = Plain::kPoints;
    const Room room(p, last - first);
    float* m = v + kPoints * kPoints * room.v_point;
    transform_in<Plain, Plain, kPoints, kPoints>(p, tiles, room, first, v);
    multiply(p, room, kPoints, kPoints, 0, kPoints, v, m);
    out_with_tail(p, tiles, room, first, m);
    return;
  }
  const int64_t below = tiles.inner + tiles.below, beside = below + tiles.beside;
  make_doubled<false, false>(p, tiles, 0, tiles.inner, first, last, v);
  make_doubled<true, false>(p, tiles, tiles.inner, below, first, last, v);
  make_doubled<false, true>(p, tiles, below, beside, first, last, v);
  make_doubled<true, true>(p, tiles, beside, beside + tiles.corner, first, last, v);
}

}  // namespace

WinogradCpu winograd() { return {kGroup, needed, make}; }

}  // namespace STEERX_ISA

#ifdef STEERX_TABLE
#if defined(__x86_64__)
namespace avx2 {
WinogradCpu winograd();
}
namespace avx512 {
WinogradCpu winograd();
}
#endif

WinogradCpu winograd_cpu(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx2) return avx2::winograd();
  if (isa == Isa::avx512) return avx512::winograd();
#endif
  return isa == Isa::baseline ? STEERX_ISA::winograd() : WinogradCpu{0, nullptr, nullptr};
}
#endif

}  // namespace steerx

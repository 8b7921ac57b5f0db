// What both style_layer kernels share: how a block walks over its tiles of the output,
// and over the input channels of a tile 16 at a time (a step).
//
// Pipeline: two stages in shared memory, each the tile's pixels with their halo and the weights'
// nine taps for 16 channels. A step waits for its stage, multiplies the style in (each thread what
// it copied itself, so this needs no barrier), passes the one barrier, starts the copies of the
// next step, of this tile or the next, into the other stage, and multiplies matrices meanwhile.
// Two steps or fewer (I <= 32) keep their weights in shared memory for the block's whole life.
//
// Shared memory: a pixel's, or an output channel's, 16 channels are two packs of 16 bytes, each in
// a plane of its own: pack c of row p lies in slot c * plane + p. Banks repeat every 8 slots;
// ldmatrix reads one pack of 8 neighbouring rows at a time, 8 neighbouring slots, and so meets no
// bank twice whatever the first. 8 lanes copy both packs of 4 neighbouring rows: a plane of 4 slots
// more than a multiple of 8 gives them 8 different banks too. (Side by side, 2 p + c, rows p and p
// + 4 would meet.)
#pragma once
#include "simt/simt.h"
#include "steerx/style_layer.h"
#include "tail.cuh"

namespace steerx {

constexpr int kLayerDepth = 16;  // input channels of a step: what one mma takes
constexpr int kLayerStages = 2;
constexpr int kLayerTaps = 9;
constexpr int kPackChannels = 8;
constexpr int kDepthPacks = kLayerDepth / kPackChannels;

template <typename T>
using LayerPack = TailPack<T, kPackChannels>;

// As many float32 numbers, aligned to what one access takes.
struct alignas(16) LayerNumbers {
  float lane[kPackChannels];
};

// 16 channels of kRows rows.
template <typename T, int kRows>
struct LayerPlanes {
  static constexpr int kPlane = (kRows + 3) / 8 * 8 + 4;
  LayerPack<T> pack[kDepthPacks][kPlane];
};

// 16 rows from `first` on, 16 channels: the left factor of an mma.
template <typename T, int kRows>
SIMT_DEVICE void left_factor(uint32_t (&a)[4], const LayerPlanes<T, kRows>& from, int first) {
  const int lane = int(threadIdx.x) % 32;
  simt::ldmatrix_x4(a, &from.pack[lane / 16][first + lane % 16]);
}

// The same for the right factors of kCount mmas, 8 rows each, in pairs.
template <typename T, int kRows, int kCount>
SIMT_DEVICE void right_factors(uint32_t (&b)[kCount][2], const LayerPlanes<T, kRows>& from,
                               int first) {
  const int lane = int(threadIdx.x) % 32;
#pragma unroll
  for (int j = 0; j < kCount; j += 2) {
    uint32_t both[4];
    simt::ldmatrix_x4(both, &from.pack[lane / 8 % 2][first + 8 * j + lane / 16 * 8 + lane % 8]);
    b[j][0] = both[0], b[j][1] = both[1], b[j + 1][0] = both[2], b[j + 1][1] = both[3];
  }
}

// Tiles of an output: slices of its channels innermost, so that neighbours share their input.
struct LayerTiles {
  unsigned slices, columns, rows, count;
};

struct LayerPlace {
  int64_t n;
  int y, x, channel;  // of the tile's first pixel and channel
};

template <typename Tile>
SIMT_DEVICE LayerPlace layer_place(const LayerTiles& tiles, unsigned i) {
  const unsigned row_tile = i / tiles.slices / tiles.columns;
  LayerPlace at;
  at.channel = int(i % tiles.slices) * Tile::kChannels;
  at.x = int(i / tiles.slices % tiles.columns) * Tile::kColumns;
  at.y = int(row_tile % tiles.rows) * Tile::kRows;
  at.n = row_tile / tiles.rows;
  return at;
}

template <typename T, typename Tile>
struct LayerStage {
  LayerPlanes<T, Tile::kHaloRows * Tile::kHaloColumns> x;
  LayerPlanes<T, kLayerTaps * Tile::kChannels> weight;
};

// What the tail asks for a tile's pixels and channels. Two of them: a warp may fill the next tile's
// while another still reads this one's.
template <typename Tile>
struct LayerDetails {
  static constexpr int kPacks = Tile::kChannels / kPackChannels;
  LayerNumbers scale[kPacks], bias[kPacks], style[kPacks], rgb[kPictureChannels][kPacks];
  float noise[Tile::kRows * Tile::kColumns];  // times its strength
};

template <typename T, typename Tile>
struct LayerShared {
  LayerStage<T, Tile> stage[kLayerStages];
  LayerDetails<Tile> details[2];
  typename Tile::Kept kept;  // the tile's own
};

// Starts the copies of a step. What lies outside the picture or beyond the last channel is zero.
template <typename T, typename Tile>
SIMT_DEVICE void copy_step(const StyleLayerParams& p, const LayerPlace& at, int step, bool weights,
                           LayerStage<T, Tile>& stage) {
  const int h = int(p.H) / Tile::kUp, w = int(p.W) / Tile::kUp;
  const int top = at.y / Tile::kUp - Tile::kBefore, left = at.x / Tile::kUp - Tile::kBefore;
  const int pack = int(threadIdx.x) % kDepthPacks;  // the same each time round
  const int from_pack = step * kDepthPacks + pack, packs = int(p.I) / kPackChannels;
  const bool exists = from_pack < packs;
  const LayerPack<T>* x = static_cast<const LayerPack<T>*>(p.x) + at.n * h * w * packs;
#pragma unroll 1  // registers are dear here, and the copies run beside the matrices
  for (int i = int(threadIdx.x) / kDepthPacks; i < Tile::kHaloRows * Tile::kHaloColumns;
       i += Tile::kThreads / kDepthPacks) {
    const int row = top + i / Tile::kHaloColumns, column = left + i % Tile::kHaloColumns;
    const bool wanted = exists && row >= 0 && row < h && column >= 0 && column < w;
    simt::cp_async16(&stage.x.pack[pack][i],
                     wanted ? x + (int64_t(row) * w + column) * packs + from_pack : x, wanted);
  }
  if (weights) {
    const LayerPack<T>* weight = static_cast<const LayerPack<T>*>(p.weight);
#pragma unroll 1
    for (int i = int(threadIdx.x) / kDepthPacks; i < kLayerTaps * Tile::kChannels;
         i += Tile::kThreads / kDepthPacks) {
      const int tap = i / Tile::kChannels, o = at.channel + i % Tile::kChannels;
      const bool wanted = exists && o < p.O;
      simt::cp_async16(
          &stage.weight.pack[pack][i],
          wanted ? weight + (int64_t(o) * kLayerTaps + tap) * packs + from_pack : weight, wanted);
    }
  }
  simt::cp_async_commit();
}

// Multiplies the style into what this thread copied.
template <typename T, typename Tile>
SIMT_DEVICE void apply_style(const StyleLayerParams& p, int64_t n, int step,
                             LayerStage<T, Tile>& stage) {
  const int pack = int(threadIdx.x) % kDepthPacks;
  const int first = step * kLayerDepth + pack * kPackChannels;
  if (p.style == nullptr || first >= p.I) return;
  const LayerNumbers style = *reinterpret_cast<const LayerNumbers*>(p.style + n * p.I + first);
#pragma unroll 1
  for (int i = int(threadIdx.x) / kDepthPacks; i < Tile::kHaloRows * Tile::kHaloColumns;
       i += Tile::kThreads / kDepthPacks) {
    LayerPack<T> x = stage.x.pack[pack][i];
#pragma unroll
    for (int l = 0; l < kPackChannels; ++l)
      x.lane[l] = static_cast<T>(static_cast<float>(x.lane[l]) * style.lane[l]);
    stage.x.pack[pack][i] = x;
  }
}

template <typename Tile>
SIMT_DEVICE void fill_details(const StyleLayerParams& p, const LayerPlace& at,
                              LayerDetails<Tile>& details) {
  const Tail& tail = p.tail;
  for (int i = int(threadIdx.x); i < Tile::kChannels; i += Tile::kThreads) {
    const int64_t o = at.channel + i, row = at.n * p.O + o;
    const int pack = i / kPackChannels, l = i % kPackChannels;
    const bool exists = o < p.O;
    details.scale[pack].lane[l] =
        exists && tail.demodulation != nullptr ? tail.demodulation[row] : 1.0f;
    details.bias[pack].lane[l] = exists && tail.bias != nullptr ? tail.bias[o] : 0.0f;
    details.style[pack].lane[l] =
        exists && tail.next_style != nullptr ? tail.next_style[row] : 1.0f;
#pragma unroll
    for (int c = 0; c < kPictureChannels; ++c)
      details.rgb[c][pack].lane[l] = exists && tail.rgb_weight != nullptr
                                         ? tail.rgb_weight[(at.n * kPictureChannels + c) * p.O + o]
                                         : 0.0f;
  }
  if (!tail_noisy(tail)) return;
  const float strength = tail.noise_strength == nullptr ? 1.0f : *tail.noise_strength;
  for (int i = int(threadIdx.x); i < Tile::kRows * Tile::kColumns; i += Tile::kThreads) {
    const int64_t y = at.y + i / Tile::kColumns, x = at.x + i % Tile::kColumns;
    if (y < p.H && x < p.W) details.noise[i] = strength * noise_at(tail, at.n, y * p.W + x);
  }
}

// Tile holds a thread's sums: .clear(), .multiply(stage) adds a step, .finish(...) is the tail.
template <typename T, typename Tile>
SIMT_DEVICE void walk_layer(const StyleLayerParams& p, const LayerTiles& tiles,
                            LayerShared<T, Tile>& shared) {
  const int steps = (int(p.I) + kLayerDepth - 1) / kLayerDepth;
  Tile tile;
  bool weights = true;  // are to be copied with the next step
  int now = 0, turn = 0;
  copy_step<T, Tile>(p, layer_place<Tile>(tiles, blockIdx.x), 0, weights, shared.stage[now]);
  for (unsigned i = blockIdx.x; i < tiles.count; i += gridDim.x) {
    const LayerPlace at = layer_place<Tile>(tiles, i);
    LayerDetails<Tile>& details = shared.details[turn];
    fill_details<Tile>(p, at, details);
    tile.clear();
    for (int step = 0; step < steps; ++step) {
      simt::cp_async_wait<0>();
      apply_style<T, Tile>(p, at.n, step, shared.stage[now]);
      __syncthreads();  // the stage is there, and nobody reads the other one any more
      const bool last = step + 1 == steps;
      if (!last || i + gridDim.x < tiles.count) {
        const LayerPlace next = last ? layer_place<Tile>(tiles, i + gridDim.x) : at;
        copy_step<T, Tile>(p, next, last ? 0 : step + 1, weights, shared.stage[1 - now]);
        weights = steps > kLayerStages || tiles.slices > 1;  // else both stages have them now
      }
      tile.multiply(shared.stage[now]);
      now = 1 - now;
    }
    tile.finish(p, at, details, shared.kept);
    turn = 1 - turn;
  }
}

// Of all tiles; their count is 0 where it is no 31-bit number.
template <typename Tile>
LayerTiles layer_tiles(const StyleLayerParams& p) {
  const int64_t slices = (p.O + Tile::kChannels - 1) / Tile::kChannels;
  const int64_t columns = (p.W + Tile::kColumns - 1) / Tile::kColumns;
  const int64_t rows = (p.H + Tile::kRows - 1) / Tile::kRows;
  // Exact where it matters: whole numbers below 2^53, and what is rounded is far too large.
  const double count = double(slices) * double(columns) * double(rows) * double(p.N);
  const bool few = count <= 0x7fffffff;
  return {unsigned(slices), unsigned(columns), unsigned(rows), few ? unsigned(count) : 0};
}

}  // namespace steerx

// Launchers of style_layer.cuh and style_layer_up.cuh: choose the kernel, cap the grid.
#include "style_layer.cuh"
#include "style_layer_up.cuh"

namespace steerx {
namespace {

constexpr int kRefused = 1;            // cudaErrorInvalidValue
constexpr int64_t kMostBlocks = 1024;  // some for every multiprocessor; beyond it a block strides

template <typename T, typename Tile>
int launch(void (*kernel)(StyleLayerParams, LayerTiles), const StyleLayerParams& p, void* stream) {
  const LayerTiles tiles = layer_tiles<Tile>(p);
  const int64_t most = p.blocks > 0 ? p.blocks : kMostBlocks;
  if (tiles.count == 0) return kRefused;
  const dim3 grid(tiles.count < most ? tiles.count : static_cast<unsigned>(most));
  return simt::launch(kernel, grid, Tile::kThreads, sizeof(LayerShared<T, Tile>), stream, p, tiles);
}

template <typename T>
int launch(const StyleLayerParams& p, void* stream) {
  if (p.up == 2) return launch<T, UpTile<T>>(style_layer_up_kernel<T>, p, stream);
  if (p.O <= PlainTile<T, 4>::kChannels)
    return launch<T, PlainTile<T, 4>>(style_layer_kernel<T, 4>, p, stream);
  return launch<T, PlainTile<T, 8>>(style_layer_kernel<T, 8>, p, stream);
}

bool accepted(const StyleLayerParams& p) {
  const bool sizes = p.up == 1 || (p.H % 2 == 0 && p.W % 2 == 0 && p.tail.rgb == nullptr);
  return sizes && style_layer_fits(p.real, p.I, p.O, p.up) && tail_aligned(p.x) &&
         tail_aligned(p.weight) && tail_aligned(p.style) && tail_aligned(p.tail.y) &&
         tail_aligned(p.tail.styled);
}

}  // namespace

bool style_layer_fits(Real real, int64_t I, int64_t O, int up) {
  const bool type = real == Real::float16 || real == Real::bfloat16;
  const bool packs = I > 0 && O > 0 && I % kPackChannels == 0 && O % kPackChannels == 0;
  return type && packs && (up == 2 || (up == 1 && O <= 64));
}

int style_layer_cuda(const StyleLayerParams& p, void* stream) {
  if (p.N == 0 || p.H == 0 || p.W == 0 || p.O == 0) return 0;
  if (!accepted(p)) return kRefused;
  return p.real == Real::float16 ? launch<simt::Half>(p, stream)
                                 : launch<simt::BFloat16>(p, stream);
}

}  // namespace steerx

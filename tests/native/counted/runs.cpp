// Two small fixed runs of the CPU renderer's AVX2 kernels, whose instructions
// tests/native/counts.py counts: between `begin` and the end of `counted` nothing is allocated and
// no library is called.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "steerx/cpu_epilogue.h"
#include "steerx/winograd.h"

namespace steerx::avx2 {
WinogradCpu winograd();
EpilogueCpu epilogue();
}  // namespace steerx::avx2

namespace {

using namespace steerx;

constexpr int64_t kSide = 32, kChannels = 64, kHalf = kSide / 2;
constexpr size_t kLine = 64;

// Memory of a cache line's alignment, filled with numbers between -1 and 1.
struct Floats {
  std::vector<float> all;
  float* data;

  explicit Floats(int64_t count) : all(size_t(count) + kLine / sizeof(float)) {
    void* at = all.data();
    size_t room = all.size() * sizeof(float);
    data = static_cast<float*>(std::align(kLine, size_t(count) * sizeof(float), at, room));
    unsigned seed = 1;
    for (int64_t i = 0; i < count; ++i) {
      seed = seed * 1664525u + 1013904223u;
      data[i] = static_cast<float>(static_cast<int>(seed >> 8) - (1 << 23)) / (1 << 23);
    }
  }
};

// A tail with all its parts, for `kSide` pixels a side.
struct Parts {
  Floats demodulation{kChannels}, bias{kChannels}, noise{kSide * kSide}, style{kChannels},
      y{kSide * kSide * kChannels}, styled{kSide * kSide * kChannels}, weight{3 * kChannels},
      rgb{kSide * kSide * 3}, skip{kHalf * kHalf * 3};
  std::vector<uint8_t> pixels = std::vector<uint8_t>(kSide * kSide * 3);

  Tail tail(bool picture) {
    Tail t{};
    t.demodulation = demodulation.data, t.bias = bias.data, t.noise = noise.data;
    t.slope = 0.2f, t.gain = 1.4f, t.clamp = 256.0f;
    t.rgb_clamp = std::numeric_limits<float>::infinity();
    t.next_style = style.data, t.y = y.data, t.styled = styled.data;
    for (int i = 0; i < 4; ++i) t.skip_taps[i] = i == 0 || i == 3 ? 0.25f : 0.75f;
    if (picture) t.rgb_weight = weight.data, t.rgb = rgb.data, t.skip = skip.data;
    return t;
  }
};

// A block in float32: the layer that doubles the side, then the plain one with its picture.
struct Block {
  WinogradCpu filter = avx2::winograd();
  EpilogueCpu after = avx2::epilogue();
  Parts up, plain;
  Floats x{kHalf * kHalf * kChannels}, z{(kSide + 1) * (kSide + 1) * kChannels};
  Floats up_weight{81 * kChannels * kChannels}, weight{36 * kChannels * kChannels};
  WinogradParams first{WinogradForm::transposed,
                       x.data,
                       up_weight.data,
                       1,
                       kHalf,
                       kHalf,
                       kChannels,
                       kChannels,
                       z.data,
                       {}};
  UpsampleEpilogueParams blurred{Real::float32, z.data, false,     1,
                                 kSide,         kSide,  kChannels, {0.2f, 0.8f, 0.8f, 0.2f},
                                 up.tail(false)};
  WinogradParams second{
      WinogradForm::plain, up.styled.data, weight.data,     1, kSide, kSide, kChannels,
      kChannels,           nullptr,        plain.tail(true)};
  Floats room{filter.room(first, winograd_count(winograd_tiles(first))) +
              filter.room(second, winograd_count(winograd_tiles(second)))};

  void counted() const {
    filter.tiles(first, 0, winograd_count(winograd_tiles(first)), room.data);
    after.upsample(blurred, 0, kSide);
    filter.tiles(second, 0, winograd_count(winograd_tiles(second)), room.data);
  }
};

// What follows the library's convolutions in bfloat16, the last pass down to pixels. Its numbers
// are any bits: no kernel branches on a value.
struct Tails {
  EpilogueCpu after = avx2::epilogue();
  Parts up, plain;
  Floats z{(kSide + 2) * (kSide + 2) * kChannels}, x{kSide * kSide * kChannels};
  UpsampleEpilogueParams blurred{Real::bfloat16, z.data, true,      1,
                                 kSide,          kSide,  kChannels, {0.2f, 0.8f, 0.8f, 0.2f},
                                 up.tail(false)};
  StyleEpilogueParams last{Real::bfloat16, x.data, 1, kSide, kSide, kChannels, plain.tail(true)};

  Tails() { last.tail.rgb = nullptr, last.tail.pixels = plain.pixels.data(); }

  void counted() const {
    after.upsample(blurred, 0, kSide);
    after.style(last, 0, kSide);
  }
};

}  // namespace

// Callgrind counts while these two run.
extern "C" __attribute__((noinline)) void counted_block(const void* run) {
  static_cast<const Block*>(run)->counted();
}
extern "C" __attribute__((noinline)) void counted_tails(const void* run) {
  static_cast<const Tails*>(run)->counted();
}

int main(int count, char** words) {
  if (count == 2 && std::strcmp(words[1], "block") == 0) {
    const auto run = std::make_unique<Block>();
    counted_block(run.get());
    return run->plain.rgb.data[0] != run->plain.rgb.data[0];  // NaN
  }
  if (count == 2 && std::strcmp(words[1], "tails") == 0) {
    const auto run = std::make_unique<Tails>();
    counted_tails(run.get());
    return 0;
  }
  std::fprintf(stderr, "runs block | tails\n");
  return 2;
}

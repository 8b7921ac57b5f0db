// What the lanes of a warp do together: they wait for one another, then one of them does it for
// all.
#include <cstring>

#include "block.h"
#include "sanitizers.h"

namespace simt::host {
namespace {

void shuffle_all(Operand** lanes, unsigned mask) {
  uint64_t values[kLanes] = {};
  for (unsigned l = 0; l < kLanes; ++l)
    if (mask >> l & 1) std::memcpy(&values[l], lanes[l]->value, lanes[l]->size);
  for (int l = 0; l < int(kLanes); ++l) {
    if (!(mask >> l & 1)) continue;
    const int width = lanes[l]->width, argument = lanes[l]->argument;
    const int first = l / width * width, inside = l % width;
    int from = l;
    switch (Shuffle(lanes[l]->kind)) {
      case Shuffle::from: from = first + (argument & (width - 1)); break;
      case Shuffle::up: from = inside - argument >= 0 ? l - argument : l; break;
      case Shuffle::down: from = inside + argument < width ? l + argument : l; break;
      case Shuffle::exchange:
        from = (inside ^ argument) < width ? first + (inside ^ argument) : l;
        break;
    }
    if (!(mask >> from & 1))
      return fail("lane " + std::to_string(l) + " shuffles from lane " + std::to_string(from) +
                  ", which is not in the mask, at " + told(lanes[l]->place));
    std::memcpy(lanes[l]->value, &values[from], lanes[l]->size);
  }
}

void ballot_all(Operand** lanes, unsigned mask) {
  unsigned votes = 0;
  for (unsigned l = 0; l < kLanes; ++l)
    if (mask >> l & 1 && lanes[l]->argument) votes |= 1u << l;
  for (unsigned l = 0; l < kLanes; ++l)
    if (mask >> l & 1) *static_cast<unsigned*>(lanes[l]->value) = votes;
}

template <typename T>
float number(uint32_t packed, int high) {
  T value;
  value.bits = static_cast<uint16_t>(packed >> (16 * high));
  return static_cast<float>(value);
}

// PTX ISA, "Matrix fragments for mma.m16n8k16 with floating point type": register r of a holds
// row g + 8 (r odd) and columns 2 t + 8 (r >= 2) and the next; g = lane / 4, t = lane % 4.
template <typename T>
void unpack_16(Operand** lanes, float (&a)[16][16], float (&b)[16][8]) {
  for (int l = 0; l < int(kLanes); ++l) {
    const int g = l / 4, t = l % 4;
    const auto *ra = static_cast<const uint32_t*>(lanes[l]->a),
               *rb = static_cast<const uint32_t*>(lanes[l]->b);
    for (int r = 0; r < 4; ++r)
      for (int high = 0; high < 2; ++high)
        a[g + 8 * (r % 2)][2 * t + high + 8 * (r / 2)] = number<T>(ra[r], high);
    for (int r = 0; r < 2; ++r)
      for (int high = 0; high < 2; ++high) b[2 * t + high + 8 * r][g] = number<T>(rb[r], high);
  }
}

// "Matrix fragments for mma.m16n8k8" with tf32: register r of a holds row g + 8 (r odd), column
// t + 4 (r >= 2); of b row t + 4 r, column g.
void unpack_tf32(Operand** lanes, float (&a)[16][16], float (&b)[16][8]) {
  const auto seen = [](uint32_t bits) { return float_of(bits & 0xffffe000u); };
  for (int l = 0; l < int(kLanes); ++l) {
    const int g = l / 4, t = l % 4;
    const auto *ra = static_cast<const uint32_t*>(lanes[l]->a),
               *rb = static_cast<const uint32_t*>(lanes[l]->b);
    for (int r = 0; r < 4; ++r) a[g + 8 * (r % 2)][t + 4 * (r / 2)] = seen(ra[r]);
    for (int r = 0; r < 2; ++r) b[t + 4 * r][g] = seen(rb[r]);
  }
}

void mma_all(Operand** lanes) {
  float a[16][16] = {}, b[16][8] = {};
  int depth = 16;
  switch (Matrix(lanes[0]->kind)) {
    case Matrix::bfloat16: unpack_16<BFloat16>(lanes, a, b); break;
    case Matrix::half: unpack_16<Half>(lanes, a, b); break;
    case Matrix::tf32:
      unpack_tf32(lanes, a, b);
      depth = 8;
      break;
  }
  for (int l = 0; l < int(kLanes); ++l) {
    float* d = static_cast<float*>(lanes[l]->value);
    for (int r = 0; r < 4; ++r) {
      const int row = l / 4 + 8 * (r / 2), column = 2 * (l % 4) + r % 2;
      double sum = d[r];
      for (int k = 0; k < depth; ++k) sum += double(a[row][k]) * b[k][column];
      d[r] = static_cast<float>(sum);
    }
  }
}

// PTX ISA, "ldmatrix": lane 8 m + i points to row i of matrix m; lane l gets the two numbers of row
// l / 4 that begin at column 2 (l % 4), or of the transposed matrix.
void ldmatrix_all(Operand** lanes) {
  uint16_t stored[4][8][8];
  for (int l = 0; l < int(kLanes); ++l) std::memcpy(stored[l / 8][l % 8], lanes[l]->a, 16);
  for (int l = 0; l < int(kLanes); ++l) {
    uint32_t* r = static_cast<uint32_t*>(lanes[l]->value);
    const int i = l / 4, j = 2 * (l % 4);
    for (int m = 0; m < 4; ++m) {
      const bool turned = lanes[l]->argument;
      const uint32_t low = turned ? stored[m][j][i] : stored[m][i][j];
      const uint32_t high = turned ? stored[m][j + 1][i] : stored[m][i][j + 1];
      r[m] = low | high << 16;
    }
  }
}

void perform(Operand** lanes, unsigned mask) {
  switch (lanes[__builtin_ctz(mask)]->collective) {
    case Collective::barrier: break;
    case Collective::shuffle: shuffle_all(lanes, mask); break;
    case Collective::ballot: ballot_all(lanes, mask); break;
    case Collective::mma: mma_all(lanes); break;
    case Collective::ldmatrix: ldmatrix_all(lanes); break;
  }
}

Thread& lane_of_warp(unsigned lane) { return block->threads[self->warp * kLanes + lane]; }

// The operands of all lanes of the mask, or false where one has not arrived yet.
bool gathered(const Operand& own, Operand** lanes) {
  for (unsigned l = 0; l < kLanes; ++l) {
    if (!(own.mask >> l & 1)) continue;
    if (self->warp * kLanes + l >= block->threads.size() || lane_of_warp(l).state == State::done)
      give_up(told(*self) + " waits at " + told(own.place) + " for lane " + std::to_string(l) +
              ", which has ended or does not exist");
    lanes[l] = lane_of_warp(l).operand;
    if (lanes[l] == nullptr) return false;
    if (lanes[l]->collective != own.collective || lanes[l]->mask != own.mask ||
        !same(lanes[l]->place, own.place))
      give_up("a warp in two collectives at once: lane " + std::to_string(self->lane) + " at " +
              told(own.place) + ", lane " + std::to_string(l) + " at " + told(lanes[l]->place));
  }
  return true;
}

void together(Operand own) {
  if (!(own.mask >> self->lane & 1))
    give_up(told(*self) + " is not in its own mask at " + told(own.place));
  self->operand = &own;
  self->place = own.place;
  const bool orders = own.collective == Collective::barrier;  // only __syncwarp orders memory
  if (orders) leave(&self->arrival);
  Operand* lanes[kLanes] = {};
  if (gathered(own, lanes)) {
    const Quiet quiet;
    perform(lanes, own.mask);
    std::vector<Thread*> through;
    for (unsigned l = 0; l < kLanes; ++l) {
      if (!(own.mask >> l & 1)) continue;
      through.push_back(&lane_of_warp(l));
      through.back()->operand = nullptr;
      through.back()->state = State::ready;
    }
    if (orders) depart(through);
    if (block->failed) throw Abort{};
  } else {
    self->state = State::in_collective;
    wait_for_others();
  }
  self->operand = nullptr;  // it lies on this stack
  if (orders) meet(self->departure);
}

}  // namespace

void warp_barrier(unsigned mask, const Place& place) {
  together({Collective::barrier, mask, place});
}

void shuffle(Shuffle kind, unsigned mask, void* value, size_t size, int argument, int width,
             const Place& place) {
  if (width < 1 || width > int(kLanes) || (width & (width - 1)))
    give_up("a shuffle of width " + std::to_string(width) + ", not a power of two up to 32, at " +
            told(place));
  together({Collective::shuffle, mask, place, value, size, int(kind), argument, width});
}

unsigned ballot(unsigned mask, bool vote, const Place& place) {
  unsigned votes = 0;
  together({Collective::ballot, mask, place, &votes, sizeof votes, 0, vote});
  return votes;
}

void mma(Matrix kind, float* d, const uint32_t* a, const uint32_t* b, const Place& place) {
  together({Collective::mma, ~0u, place, d, 0, int(kind), 0, 32, a, b});
}

void ldmatrix(uint32_t* r, const void* row, bool transposed, const Place& place) {
  if (reinterpret_cast<uintptr_t>(row) % 16) give_up("misaligned ldmatrix row at " + told(place));
  if (!in_shared_memory(row, 16))
    give_up("ldmatrix of a row outside shared memory at " + told(place));
  note_read(row, 16);
  together({Collective::ldmatrix, ~0u, place, r, 0, 0, transposed, 32, row});
}

}  // namespace simt::host

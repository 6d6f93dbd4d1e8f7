#pragma once
#include "occvla/kernels/memory.h"
#include "occvla/kernels/variants.h"

/// Gemv and StreamRead over the Vector of the including file. Internal linkage throughout.
namespace occvla::kernels {
namespace {

/// How far ahead of the loads a stream is fetched. The hardware's prefetchers stop at each 4 KiB
/// page; software fetches cross into the next one.
constexpr int64_t kAheadBytes = 2048;

/// y of kRows rows for kOutputs weight rows, `stride` weights and `apart` outputs from each other.
/// x is packed in vectors: [vector][row][lane], zeros behind the end. Each (row, output) has one
/// sum of its own, so its bits depend neither on the other rows nor on the partition.
template <int kRows, int kOutputs, typename Weight>
inline __attribute__((always_inline)) void Outputs(const GemvArgs& args, const Weight* w,
                                                   int64_t stride, const float* x, float* y,
                                                   const float* bias, int64_t apart) {
  Vector sums[kOutputs][kRows];
#pragma GCC unroll 8
  for (int o = 0; o < kOutputs; ++o)
#pragma GCC unroll 8
    for (int b = 0; b < kRows; ++b) sums[o][b] = Zero();
  constexpr int64_t kLine = 64 / sizeof(Weight);
  constexpr int64_t kAhead = kAheadBytes / sizeof(Weight);
  const int64_t in = args.in;
  int64_t i = 0;
  for (; i + kLine <= in; i += kLine) {
#pragma GCC unroll 8
    for (int o = 0; o < kOutputs; ++o) Prefetch(w + o * stride + i + kAhead);
#pragma GCC unroll 8
    for (int64_t j = 0; j < kLine; j += kWidth) {
      Vector weights[kOutputs];
#pragma GCC unroll 8
      for (int o = 0; o < kOutputs; ++o) weights[o] = Load(w + o * stride + i + j);
#pragma GCC unroll 8
      for (int b = 0; b < kRows; ++b) {
        const Vector number = Load(x + (i + j) * kRows + b * kWidth);
#pragma GCC unroll 8
        for (int o = 0; o < kOutputs; ++o) sums[o][b] = MultiplyAdd(weights[o], number, sums[o][b]);
      }
    }
  }
  for (; i < in; i += kWidth) {
    const int64_t count = in - i < kWidth ? in - i : kWidth;
#pragma GCC unroll 8
    for (int o = 0; o < kOutputs; ++o) {
      const Vector weight = Load(w + o * stride + i, count);
#pragma GCC unroll 8
      for (int b = 0; b < kRows; ++b)
        sums[o][b] = MultiplyAdd(weight, Load(x + i * kRows + b * kWidth), sums[o][b]);
    }
  }
#pragma GCC unroll 8
  for (int o = 0; o < kOutputs; ++o)
#pragma GCC unroll 8
    for (int b = 0; b < kRows; ++b) {
      const float sum = Sum(sums[o][b]);
      y[b * args.out + o * apart] = bias ? sum + bias[o * apart] : sum;
    }
}

/// How many weight rows share the loads of x: as many sums as fit in the registers.
constexpr int OutputsFor(int rows) {
  if (kWidth == 16) return rows <= 5 ? 4 : 3;
  return rows == 1 ? 4 : rows == 2 ? 4 : rows <= 4 ? 2 : 1;
}

template <int kRows, typename Weight>
void Rows(const GemvArgs& args, int64_t row, const float* x, int64_t first, int64_t last) {
  constexpr int kOutputs = OutputsFor(kRows);
  const Weight* w = static_cast<const Weight*>(args.w);
  float* y = args.y + row * args.out;
  // Several streams keep more misses in flight than one. They lie far apart: neighbouring rows read
  // side by side were a third slower than one row after the other.
  const int64_t apart = (last - first) / kOutputs;
  for (int64_t o = first; o < first + apart; ++o)
    Outputs<kRows, kOutputs>(args, w + o * args.in, apart * args.in, x, y + o,
                             args.bias ? args.bias + o : nullptr, apart);
  for (int64_t o = first + apart * kOutputs; o < last; ++o)
    Outputs<kRows, 1>(args, w + o * args.in, 0, x, y + o, args.bias ? args.bias + o : nullptr, 0);
}

inline void PackRows(const float* x, int64_t rows, int64_t in, float* to) {
  for (int64_t i = 0; i < in; i += kWidth)
    for (int64_t b = 0; b < rows; ++b)
      Store(to + i * rows + b * kWidth, Load(x + b * in + i, in - i < kWidth ? in - i : kWidth));
}

template <typename Weight>
void GemvOf(const GemvArgs& args, int64_t first, int64_t last) {
  using Function = void (*)(const GemvArgs&, int64_t, const float*, int64_t, int64_t);
  static constexpr Function kFunctions[] = {Rows<1, Weight>, Rows<2, Weight>, Rows<3, Weight>,
                                            Rows<4, Weight>, Rows<5, Weight>, Rows<6, Weight>,
                                            Rows<7, Weight>, Rows<8, Weight>};
  const int64_t most = args.rows < 8 ? args.rows : 8;
  Scratch scratch(most * (args.in + kWidth));
  float* x = scratch.Take(most * (args.in + kWidth));
  for (int64_t row = 0; row < args.rows; row += 8) {
    const int64_t count = args.rows - row < 8 ? args.rows - row : 8;
    PackRows(args.x + row * args.in, count, args.in, x);
    kFunctions[count - 1](args, row, x, first, last);
  }
}

inline void GemvBody(const GemvArgs& args, int64_t first, int64_t last) {
  if (args.storage == Storage::kF32)
    GemvOf<float>(args, first, last);
  else
    GemvOf<uint16_t>(args, first, last);
}

inline uint64_t StreamReadBody(const void* data, int64_t first, int64_t last) {
  constexpr int kStreams = 4;
  constexpr int64_t kStep = 8 * sizeof(Bytes);
  const char* from = static_cast<const char*>(data) + first;
  const char* end = static_cast<const char*>(data) + last;
  const int64_t apart = (last - first) / kStreams / kStep * kStep;
  Bytes sums[8];
  for (auto& sum : sums) sum = NoBytes();
  for (int64_t at = 0; at < apart; at += kStep)
#pragma GCC unroll 8
    for (int stream = 0; stream < kStreams; ++stream)
#pragma GCC unroll 8
      for (int i = 0; i < 8; ++i)
        sums[i] = AddWords(sums[i], LoadBytes(from + stream * apart + at +
                                              i * static_cast<int64_t>(sizeof(Bytes))));
  uint64_t total = 0;
  for (auto& sum : sums) total += SumWords(sum);
  from += kStreams * apart;
  for (; from + 8 <= end; from += 8) {
    uint64_t word;
    __builtin_memcpy(&word, from, sizeof(word));
    total += word;
  }
  for (; from < end; ++from) total += static_cast<unsigned char>(*from);
  return total;
}

}  // namespace
}  // namespace occvla::kernels

#pragma once
#include "occvla/kernels/variants.h"

/// Gemv and StreamRead over the Vector of the including file. Internal linkage throughout.
namespace occvla::kernels {
namespace {

/// How far ahead of the loads a stream is fetched. The hardware's prefetchers stop at each 4 KiB
/// page; software fetches cross into the next one.
constexpr int64_t kAheadBytes = 2048;

inline void Prefetch(const void* from) {
  _mm_prefetch(static_cast<const char*>(from), _MM_HINT_T0);
}

/// y of kRows rows for kOutputs weight rows, `stride` weights and `apart` outputs from each other.
/// Each (row, output) has one sum of its own, so its bits depend neither on the other rows nor on
/// the partition.
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
  int64_t i = 0;
  for (; i + kLine <= args.in; i += kLine) {
#pragma GCC unroll 8
    for (int o = 0; o < kOutputs; ++o) Prefetch(w + o * stride + i + kAhead);
#pragma GCC unroll 8
    for (int64_t j = 0; j < kLine; j += kWidth)
#pragma GCC unroll 8
      for (int o = 0; o < kOutputs; ++o) {
        const Vector weight = Load(w + o * stride + i + j);
#pragma GCC unroll 8
        for (int b = 0; b < kRows; ++b)
          sums[o][b] = MultiplyAdd(weight, Load(x + b * args.in + i + j), sums[o][b]);
      }
  }
  for (; i < args.in; i += kWidth) {
    const int64_t count = args.in - i < kWidth ? args.in - i : kWidth;
    for (int o = 0; o < kOutputs; ++o) {
      const Vector weight = Load(w + o * stride + i, count);
      for (int b = 0; b < kRows; ++b)
        sums[o][b] = MultiplyAdd(weight, Load(x + b * args.in + i, count), sums[o][b]);
    }
  }
  for (int o = 0; o < kOutputs; ++o)
    for (int b = 0; b < kRows; ++b) {
      const float sum = Sum(sums[o][b]);
      y[b * args.out + o * apart] = bias ? sum + bias[o * apart] : sum;
    }
}

template <int kRows, typename Weight>
void Rows(const GemvArgs& args, int64_t row, int64_t first, int64_t last) {
  constexpr int kOutputs = kWidth == 16 ? (kRows <= 4 ? 4 : 2)
                                        : (kRows <= 2   ? 4
                                           : kRows <= 4 ? 2
                                                        : 1);
  const Weight* w = static_cast<const Weight*>(args.w);
  const float* x = args.x + row * args.in;
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

template <typename Weight>
void GemvOf(const GemvArgs& args, int64_t first, int64_t last) {
  using Function = void (*)(const GemvArgs&, int64_t, int64_t, int64_t);
  static constexpr Function kFunctions[] = {Rows<1, Weight>, Rows<2, Weight>, Rows<3, Weight>,
                                            Rows<4, Weight>, Rows<5, Weight>, Rows<6, Weight>,
                                            Rows<7, Weight>, Rows<8, Weight>};
  for (int64_t row = 0; row < args.rows; row += 8) {
    const int64_t count = args.rows - row < 8 ? args.rows - row : 8;
    kFunctions[count - 1](args, row, first, last);
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

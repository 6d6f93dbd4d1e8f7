#include <cmath>
#include <cstring>

#include "occvla/kernels/scalar.h"
#include "occvla/kernels/variants.h"

// The oracle: the formulas of kernels.h in double, nothing clever.
namespace occvla::kernels::scalar {

void Gemv(const GemvArgs& args, int64_t first, int64_t last) {
  for (int64_t o = first; o < last; ++o)
    for (int64_t b = 0; b < args.rows; ++b) {
      double sum = args.bias ? Load(Storage::kF32, args.bias, o) : 0.0;
      for (int64_t i = 0; i < args.in; ++i)
        sum += Load(Storage::kF32, args.x, b * args.in + i) *
               Load(args.storage, args.w, o * args.in + i);
      Store(Storage::kF32, args.y, b * args.out + o, sum);
    }
}

void RmsNorm(const RmsNormArgs& args, int64_t first, int64_t last) {
  for (int64_t row = first; row < last; ++row) {
    const int64_t start = row * args.size;
    double squares = 0;
    for (int64_t i = 0; i < args.size; ++i) {
      const double x = Load(args.x_storage, args.x, start + i);
      squares += x * x;
    }
    const double factor = 1 / std::sqrt(squares / static_cast<double>(args.size) + args.eps);
    for (int64_t i = 0; i < args.size; ++i) {
      const double y =
          Load(args.x_storage, args.x, start + i) * factor * (1 + Load(Storage::kF32, args.w, i));
      if (args.residual)
        Store(Storage::kF32, args.residual, start + i,
              Load(Storage::kF32, args.before ? args.before : args.residual, start + i) + y);
      else
        Store(args.y_storage, args.y, start + i, y);
    }
  }
}

void LayerNorm(const LayerNormArgs& args, int64_t first, int64_t last) {
  const auto size = static_cast<double>(args.size);
  for (int64_t row = first; row < last; ++row) {
    const int64_t start = row * args.size;
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < args.size; ++i) sum += Load(Storage::kF32, args.x, start + i);
    const double mean = sum / size;
    for (int64_t i = 0; i < args.size; ++i) {
      const double x = Load(Storage::kF32, args.x, start + i) - mean;
      squares += x * x;
    }
    const double factor = 1 / std::sqrt(squares / size + args.eps);
    for (int64_t i = 0; i < args.size; ++i)
      Store(args.y_storage, args.y, start + i,
            (Load(Storage::kF32, args.x, start + i) - mean) * factor *
                    Load(Storage::kF32, args.w, i) +
                Load(Storage::kF32, args.b, i));
  }
}

void GeluTanh(Storage storage, const void* gate, const void* up, void* out, int64_t first,
              int64_t last) {
  for (int64_t i = first; i < last; ++i) {
    const double y = Load(storage, gate, i);
    const double gelu = 0.5 * y * (1 + std::tanh(0.7978845608028654 * (y + 0.044715 * y * y * y)));
    Store(storage, out, i, up ? gelu * Load(storage, up, i) : gelu);
  }
}

void Rotary(const RotaryArgs& args, int64_t first, int64_t last) {
  const int64_t half = args.head_size / 2;
  for (int64_t row = first; row < last; ++row)
    for (int64_t head = 0; head < args.heads; ++head) {
      const int64_t from = row * args.x_row_stride + head * args.head_size;
      const int64_t to = head * args.out_head_stride + (args.out_offset + row) * args.head_size;
      if (!args.cos) {
        for (int64_t i = 0; i < args.head_size; ++i)
          Store(args.out_storage, args.out, to + i, Load(args.x_storage, args.x, from + i));
        continue;
      }
      for (int64_t i = 0; i < half; ++i) {
        const double a = Load(args.x_storage, args.x, from + i);
        const double b = Load(args.x_storage, args.x, from + half + i);
        const double cos = Load(Storage::kF32, args.cos, row * half + i);
        const double sin = Load(Storage::kF32, args.sin, row * half + i);
        Store(args.out_storage, args.out, to + i, a * cos - b * sin);
        Store(args.out_storage, args.out, to + half + i, b * cos + a * sin);
      }
    }
}

void ToBFloat16(const float* src, uint16_t* dst, int64_t first, int64_t last) {
  for (int64_t i = first; i < last; ++i) Store(Storage::kBF16, dst, i, Load(Storage::kF32, src, i));
}

void ToFloat(const uint16_t* src, float* dst, int64_t first, int64_t last) {
  for (int64_t i = first; i < last; ++i) Store(Storage::kF32, dst, i, Load(Storage::kBF16, src, i));
}

uint64_t StreamRead(const void* data, int64_t first, int64_t last) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  uint64_t sum = 0;
  int64_t at = first;
  for (; at + 8 <= last; at += 8) {
    uint64_t word;
    std::memcpy(&word, bytes + at, sizeof(word));
    sum += word;
  }
  for (; at < last; ++at) sum += bytes[at];
  return sum;
}

}  // namespace occvla::kernels::scalar

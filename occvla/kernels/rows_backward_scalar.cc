#include <algorithm>
#include <cmath>

#include "occvla/kernels/scalar.h"
#include "occvla/kernels/variants.h"

// The oracle: the formulas of kernels.h in double, nothing clever.
namespace occvla::kernels::scalar {
namespace {

double Float(const float* data, int64_t index) { return Load(Storage::kF32, data, index); }

void AddTo(float* data, int64_t index, double value) {
  Store(Storage::kF32, data, index, Float(data, index) + value);
}

// Calls each(row, part) for the rows of parts [first, last), after clear(part).
template <typename Clear, typename Each>
void ForParts(int64_t first, int64_t last, int64_t rows, Clear clear, Each each) {
  for (int64_t part = first; part < last; ++part) {
    clear(part);
    const int64_t end = std::min(rows, (part + 1) * kNormPart);
    for (int64_t row = part * kNormPart; row < end; ++row) each(row, part);
  }
}

}  // namespace

void RmsNormBackward(const RmsNormBackwardArgs& args, int64_t first, int64_t last) {
  const auto size = static_cast<double>(args.size);
  const auto clear = [&](int64_t part) {
    for (int64_t i = 0; args.dw && i < args.size; ++i)
      Store(Storage::kF32, args.dw, part * args.size + i, 0);
  };
  ForParts(first, last, args.rows, clear, [&](int64_t row, int64_t part) {
    const int64_t start = row * args.size;
    const auto x = [&](int64_t i) { return Load(args.x_storage, args.x, start + i); };
    const auto dy = [&](int64_t i) { return Load(args.dy_storage, args.dy, start + i); };
    double squares = 0, products = 0;
    for (int64_t i = 0; i < args.size; ++i) {
      squares += x(i) * x(i);
      products += dy(i) * (1 + Float(args.w, i)) * x(i);
    }
    const double f = 1 / std::sqrt(squares / size + args.eps);
    for (int64_t i = 0; i < args.size; ++i) {
      if (args.dw) AddTo(args.dw, part * args.size + i, dy(i) * x(i) * f);
      Store(args.x_storage, args.dx, start + i,
            f * (dy(i) * (1 + Float(args.w, i)) - x(i) * f * f * products / size));
    }
  });
}

void LayerNormBackward(const LayerNormBackwardArgs& args, int64_t first, int64_t last) {
  const auto size = static_cast<double>(args.size);
  const auto clear = [&](int64_t part) {
    for (int64_t i = part * args.size; args.dw && i < (part + 1) * args.size; ++i) {
      Store(Storage::kF32, args.dw, i, 0);
      Store(Storage::kF32, args.db, i, 0);
    }
  };
  ForParts(first, last, args.rows, clear, [&](int64_t row, int64_t part) {
    const int64_t start = row * args.size;
    const auto dy = [&](int64_t i) { return Load(args.dy_storage, args.dy, start + i); };
    double sum = 0, squares = 0, slopes = 0, products = 0;
    for (int64_t i = 0; i < args.size; ++i) sum += Float(args.x, start + i);
    const auto x = [&](int64_t i) { return Float(args.x, start + i) - sum / size; };
    for (int64_t i = 0; i < args.size; ++i) {
      squares += x(i) * x(i);
      slopes += dy(i) * Float(args.w, i);
      products += dy(i) * Float(args.w, i) * x(i);
    }
    const double r = 1 / std::sqrt(squares / size + args.eps);
    for (int64_t i = 0; i < args.size; ++i) {
      if (args.dw) {
        AddTo(args.dw, part * args.size + i, dy(i) * x(i) * r);
        AddTo(args.db, part * args.size + i, dy(i));
      }
      Store(Storage::kF32, args.dx, start + i,
            r * (dy(i) * Float(args.w, i) - slopes / size - x(i) * r * r * products / size));
    }
  });
}

void GeluTanhBackward(const GeluTanhBackwardArgs& args, int64_t first, int64_t last) {
  constexpr double kRoot = 0.7978845608028654, kCube = 0.044715;
  for (int64_t i = first; i < last; ++i) {
    const double y = Load(args.storage, args.gate, i), d = Load(args.storage, args.dout, i);
    const double tanh = std::tanh(kRoot * (y + kCube * y * y * y));
    const double slope =
        0.5 * (1 + tanh) + 0.5 * y * (1 - tanh * tanh) * kRoot * (1 + 3 * kCube * y * y);
    if (args.up) Store(args.storage, args.dup, i, d * 0.5 * y * (1 + tanh));
    Store(args.storage, args.dgate, i,
          d * slope * (args.up ? Load(args.storage, args.up, i) : 1.0));
  }
}

void RotaryBackward(const RotaryBackwardArgs& args, int64_t first, int64_t last) {
  const int64_t half = args.head_size / 2;
  for (int64_t row = first; row < last; ++row)
    for (int64_t head = 0; head < args.heads; ++head) {
      const int64_t from = head * args.dout_head_stride + row * args.dout_row_stride;
      const int64_t to = row * args.dx_row_stride + head * args.head_size;
      const auto d = [&](int64_t i) { return Load(args.out_storage, args.dout, from + i); };
      if (!args.cos) {
        for (int64_t i = 0; i < args.head_size; ++i) Store(args.x_storage, args.dx, to + i, d(i));
        continue;
      }
      for (int64_t i = 0; i < half; ++i) {
        const double c = Float(args.cos, row * half + i), s = Float(args.sin, row * half + i);
        Store(args.x_storage, args.dx, to + i, d(i) * c + d(half + i) * s);
        Store(args.x_storage, args.dx, to + half + i, d(half + i) * c - d(i) * s);
      }
    }
}

}  // namespace occvla::kernels::scalar

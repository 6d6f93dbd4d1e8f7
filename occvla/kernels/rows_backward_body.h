#pragma once
#include <type_traits>

#include "occvla/kernels/rows_body.h"

/// Gradients of the norms, the activation and the rotary embedding. What the forward pass computed
/// is computed again: a row is in the cache, a saved one would come from memory. Internal linkage
/// throughout.
namespace occvla::kernels {
namespace {

/// The rows of a part: [first, last).
inline BlockRange RowsOfPart(int64_t part, int64_t rows) {
  const int64_t last = (part + 1) * kNormPart;
  return {part * kNormPart, last < rows ? last : rows};
}

inline void Clear(float* data, int64_t size) {
  ForVectors(0, size, [&](int64_t i, auto count) { Store(data + i, Zero(), count); });
}

template <typename X, typename Dy>
void RmsNormBackwardRow(const X* x, X* dx, const float* w, const Dy* dy, float* dw, int64_t size,
                        float eps) {
  Vector squares = Zero(), products = Zero();
  ForVectors(0, size, [&](int64_t i, auto count) {
    const Vector a = Load(x + i, count);
    squares = MultiplyAdd(a, a, squares);
    const Vector g = Multiply(Load(dy + i, count), Add(Load(w + i, count), Fill(1.0f)));
    products = MultiplyAdd(a, g, products);
  });
  const float count_f = static_cast<float>(size);
  const float factor = 1.0f / __builtin_sqrtf(Sum(squares) / count_f + eps);
  const Vector f = Fill(factor);
  const Vector pull = Fill(factor * factor * (Sum(products) / count_f));
  ForVectors(0, size, [&](int64_t i, auto count) {
    const Vector a = Load(x + i, count), d = Load(dy + i, count);
    const Vector g = Multiply(d, Add(Load(w + i, count), Fill(1.0f)));
    if (dw) Store(dw + i, MultiplyAdd(d, Multiply(a, f), Load(dw + i, count)), count);
    Store(dx + i, Multiply(f, MultiplySubtractFrom(a, pull, g)), count);
  });
}

inline void RmsNormBackwardBody(const RmsNormBackwardArgs& args, int64_t first, int64_t last) {
  As(args.x_storage, args.x, [&](auto* x) {
    As(args.dy_storage, args.dy, [&](auto* dy) {
      auto* dx = static_cast<std::remove_const_t<std::remove_pointer_t<decltype(x)>>*>(args.dx);
      for (int64_t part = first; part < last; ++part) {
        float* dw = args.dw ? args.dw + part * args.size : nullptr;
        if (dw) Clear(dw, args.size);
        const BlockRange rows = RowsOfPart(part, args.rows);
        for (int64_t row = rows.first; row < rows.last; ++row) {
          const int64_t start = row * args.size;
          RmsNormBackwardRow(x + start, dx + start, args.w, dy + start, dw, args.size, args.eps);
        }
      }
    });
  });
}

template <typename Dy>
void LayerNormBackwardRow(const float* x, float* dx, const float* w, const Dy* dy, float* dw,
                          float* db, int64_t size, float eps) {
  const float count_f = static_cast<float>(size);
  Vector sums = Zero();
  ForVectors(0, size, [&](int64_t i, auto count) { sums = Add(sums, Load(x + i, count)); });
  const Vector mean = Fill(Sum(sums) / count_f);
  Vector squares = Zero(), slopes = Zero(), products = Zero();
  const auto gather = [&](int64_t i, Vector a, auto count) {
    squares = MultiplyAdd(a, a, squares);
    const Vector g = Multiply(Load(dy + i, count), Load(w + i, count));
    slopes = Add(slopes, g);
    products = MultiplyAdd(a, g, products);
  };
  int64_t i = 0;
  for (; i + kWidth <= size; i += kWidth) gather(i, Subtract(Load(x + i), mean), Whole{});
  if (i < size) {
    // The lanes past the end would count as mean^2 each.
    const int64_t rest = size - i;
    gather(i, Select(Lanes(0, rest), Subtract(Load(x + i, rest), mean), Zero()), rest);
  }
  const float factor = 1.0f / __builtin_sqrtf(Sum(squares) / count_f + eps);
  const Vector r = Fill(factor), slope = Fill(Sum(slopes) / count_f);
  const Vector pull = Fill(factor * factor * (Sum(products) / count_f));
  ForVectors(0, size, [&](int64_t j, auto count) {
    const Vector a = Subtract(Load(x + j, count), mean), d = Load(dy + j, count);
    const Vector g = Subtract(Multiply(d, Load(w + j, count)), slope);
    if (dw) {
      Store(dw + j, MultiplyAdd(d, Multiply(a, r), Load(dw + j, count)), count);
      Store(db + j, Add(d, Load(db + j, count)), count);
    }
    Store(dx + j, Multiply(r, MultiplySubtractFrom(a, pull, g)), count);
  });
}

inline void LayerNormBackwardBody(const LayerNormBackwardArgs& args, int64_t first, int64_t last) {
  As(args.dy_storage, args.dy, [&](auto* dy) {
    for (int64_t part = first; part < last; ++part) {
      float* dw = args.dw ? args.dw + part * args.size : nullptr;
      float* db = args.dw ? args.db + part * args.size : nullptr;
      if (dw) {
        Clear(dw, args.size);
        Clear(db, args.size);
      }
      const BlockRange rows = RowsOfPart(part, args.rows);
      for (int64_t row = rows.first; row < rows.last; ++row) {
        const int64_t start = row * args.size;
        LayerNormBackwardRow(args.x + start, args.dx + start, args.w, dy + start, dw, db, args.size,
                             args.eps);
      }
    }
  });
}

/// With s = 1 / (1 + e^-2z): gelu = y s, gelu' = s + y s (1 - s) 2 z'.
template <typename Number>
void GeluTanhBackwardOf(const GeluTanhBackwardArgs& args, int64_t first, int64_t last) {
  const auto* gate = static_cast<const Number*>(args.gate);
  const auto* up = static_cast<const Number*>(args.up);
  const auto* dout = static_cast<const Number*>(args.dout);
  auto* dgate = static_cast<Number*>(args.dgate);
  auto* dup = static_cast<Number*>(args.dup);
  const Vector one = Fill(1.0f);
  constexpr float kRoot = 0.7978845608028654f, kCube = 0.044715f;
  ForVectors(first, last, [&](int64_t i, auto count) {
    const Vector y = Load(gate + i, count), d = Load(dout + i, count);
    const Vector square = Multiply(y, y);
    const Vector slope = MultiplyAdd(square, Fill(-2 * kRoot * kCube), Fill(-2 * kRoot));
    const Vector s = Divide(one, Add(Exp(Multiply(slope, y)), one));
    const Vector gelu = Multiply(y, s);
    const Vector twice = MultiplyAdd(square, Fill(6 * kRoot * kCube), Fill(2 * kRoot));  // 2 z'
    const Vector bend = Multiply(gelu, Multiply(twice, Subtract(one, s)));
    Vector factor = d;
    if (up) {
      factor = Multiply(d, Load(up + i, count));
      Store(dup + i, Multiply(d, gelu), count);
    }
    Store(dgate + i, Multiply(factor, Add(s, bend)), count);
  });
}

inline void GeluTanhBackwardBody(const GeluTanhBackwardArgs& args, int64_t first, int64_t last) {
  if (args.storage == Storage::kF32)
    GeluTanhBackwardOf<float>(args, first, last);
  else
    GeluTanhBackwardOf<uint16_t>(args, first, last);
}

template <typename Dout, typename Dx>
void RotaryBackwardHead(const Dout* dout, const float* cos, const float* sin, Dx* dx,
                        int64_t size) {
  const int64_t half = size / 2;
  if (!cos) {
    ForVectors(0, size,
               [&](int64_t i, auto count) { Store(dx + i, Load(dout + i, count), count); });
    return;
  }
  ForVectors(0, half, [&](int64_t i, auto count) {
    const Vector a = Load(dout + i, count), b = Load(dout + half + i, count);
    const Vector c = Load(cos + i, count), s = Load(sin + i, count);
    Store(dx + i, MultiplyAdd(b, s, Multiply(a, c)), count);
    Store(dx + half + i, MultiplySubtractFrom(a, s, Multiply(b, c)), count);
  });
}

inline void RotaryBackwardBody(const RotaryBackwardArgs& args, int64_t first, int64_t last) {
  const int64_t size = args.head_size;
  As(args.out_storage, args.dout, [&](auto* dout) {
    As(args.x_storage, args.dx, [&](auto* dx) {
      for (int64_t row = first; row < last; ++row)
        for (int64_t head = 0; head < args.heads; ++head)
          RotaryBackwardHead(dout + head * args.dout_head_stride + row * args.dout_row_stride,
                             args.cos ? args.cos + row * (size / 2) : nullptr,
                             args.cos ? args.sin + row * (size / 2) : nullptr,
                             dx + row * args.dx_row_stride + head * size, size);
    });
  });
}

}  // namespace
}  // namespace occvla::kernels

#pragma once
#include "occvla/kernels/math_body.h"
#include "occvla/kernels/variants.h"

/// Norms, activation, rotary embedding and conversions over the Vector of the including file.
/// Internal linkage throughout.
namespace occvla::kernels {
namespace {

/// Calls each(i, count) for the whole vectors of [first, last) and once for the rest. `count` is a
/// compile-time constant for the whole ones.
struct Whole {};
inline Vector Load(const float* from, Whole) { return Load(from); }
inline Vector Load(const uint16_t* from, Whole) { return Load(from); }
inline void Store(float* to, Vector a, Whole) { Store(to, a); }
inline void Store(uint16_t* to, Vector a, Whole) { Store(to, a); }
template <typename Each>
inline __attribute__((always_inline)) void ForVectors(int64_t first, int64_t last, Each each) {
  int64_t i = first;
  for (; i + kWidth <= last; i += kWidth) each(i, Whole{});
  if (i < last) each(i, last - i);
}

/// Calls use(pointer) with `data` as what `storage` says.
template <typename Use>
inline __attribute__((always_inline)) void As(Storage storage, const void* data, Use use) {
  if (storage == Storage::kF32)
    use(static_cast<const float*>(data));
  else
    use(static_cast<const uint16_t*>(data));
}
template <typename Use>
inline __attribute__((always_inline)) void As(Storage storage, void* data, Use use) {
  if (storage == Storage::kF32)
    use(static_cast<float*>(data));
  else
    use(static_cast<uint16_t*>(data));
}

template <typename X, typename Y>
void RmsNormRow(const X* x, const float* w, Y* y, float* residual, const float* before,
                int64_t size, float eps) {
  Vector squares = Zero();
  ForVectors(0, size, [&](int64_t i, auto count) {
    const Vector a = Load(x + i, count);
    squares = MultiplyAdd(a, a, squares);
  });
  const float mean = Sum(squares) / static_cast<float>(size);
  const Vector factor = Fill(1.0f / __builtin_sqrtf(mean + eps));
  ForVectors(0, size, [&](int64_t i, auto count) {
    const Vector scaled = Multiply(Load(x + i, count), factor);
    const Vector value = Multiply(scaled, Add(Load(w + i, count), Fill(1.0f)));
    if (residual)
      Store(residual + i, Add(Load(before + i, count), value), count);
    else
      Store(y + i, value, count);
  });
}

inline void RmsNormBody(const RmsNormArgs& args, int64_t first, int64_t last) {
  As(args.x_storage, args.x, [&](auto* x) {
    As(args.y_storage, args.y, [&](auto* y) {
      for (int64_t row = first; row < last; ++row) {
        const int64_t start = row * args.size;
        float* residual = args.residual ? args.residual + start : nullptr;
        RmsNormRow(x + start, args.w, y ? y + start : y, residual,
                   args.before ? args.before + start : residual, args.size, args.eps);
      }
    });
  });
}

template <typename Y>
void LayerNormRow(const float* x, const float* w, const float* b, Y* y, int64_t size, float eps) {
  Vector sums = Zero();
  ForVectors(0, size, [&](int64_t i, auto count) { sums = Add(sums, Load(x + i, count)); });
  const Vector mean = Fill(Sum(sums) / static_cast<float>(size));
  Vector squares = Zero();
  int64_t i = 0;
  for (; i + kWidth <= size; i += kWidth) {
    const Vector a = Subtract(Load(x + i), mean);
    squares = MultiplyAdd(a, a, squares);
  }
  if (i < size) {
    // The lanes past the end would count as mean^2 each.
    const Vector a = Select(Lanes(0, size - i), Subtract(Load(x + i, size - i), mean), Zero());
    squares = MultiplyAdd(a, a, squares);
  }
  const float variance = Sum(squares) / static_cast<float>(size);
  const Vector factor = Fill(1.0f / __builtin_sqrtf(variance + eps));
  ForVectors(0, size, [&](int64_t j, auto count) {
    const Vector a = Multiply(Subtract(Load(x + j, count), mean), factor);
    Store(y + j, MultiplyAdd(a, Load(w + j, count), Load(b + j, count)), count);
  });
}

inline void LayerNormBody(const LayerNormArgs& args, int64_t first, int64_t last) {
  As(args.y_storage, args.y, [&](auto* y) {
    for (int64_t row = first; row < last; ++row)
      LayerNormRow(args.x + row * args.size, args.w, args.b, y + row * args.size, args.size,
                   args.eps);
  });
}

/// y / (1 + e^-2z) = 0.5 y (1 + tanh z), without its cancellation for negative y.
inline Vector Gelu(Vector y) {
  const Vector square = Multiply(y, y);
  const Vector slope = MultiplyAdd(square, Fill(-2 * 0.7978845608028654f * 0.044715f),
                                   Fill(-2 * 0.7978845608028654f));
  return Divide(y, Add(Exp(Multiply(slope, y)), Fill(1.0f)));
}

template <typename Number>
void GeluTanhOf(const Number* gate, const Number* up, Number* out, int64_t first, int64_t last) {
  ForVectors(first, last, [&](int64_t i, auto count) {
    const Vector gelu = Gelu(Load(gate + i, count));
    Store(out + i, up ? Multiply(gelu, Load(up + i, count)) : gelu, count);
  });
}

inline void GeluTanhBody(Storage storage, const void* gate, const void* up, void* out,
                         int64_t first, int64_t last) {
  if (storage == Storage::kF32)
    GeluTanhOf(static_cast<const float*>(gate), static_cast<const float*>(up),
               static_cast<float*>(out), first, last);
  else
    GeluTanhOf(static_cast<const uint16_t*>(gate), static_cast<const uint16_t*>(up),
               static_cast<uint16_t*>(out), first, last);
}

template <typename X, typename Out>
void RotaryHead(const X* x, const float* cos, const float* sin, Out* out, int64_t size) {
  const int64_t half = size / 2;
  if (!cos) {
    ForVectors(0, size, [&](int64_t i, auto count) { Store(out + i, Load(x + i, count), count); });
    return;
  }
  ForVectors(0, half, [&](int64_t i, auto count) {
    const Vector a = Load(x + i, count), b = Load(x + half + i, count);
    const Vector c = Load(cos + i, count), s = Load(sin + i, count);
    Store(out + i, MultiplySubtractFrom(b, s, Multiply(a, c)), count);
    Store(out + half + i, MultiplyAdd(a, s, Multiply(b, c)), count);
  });
}

inline void RotaryBody(const RotaryArgs& args, int64_t first, int64_t last) {
  const int64_t size = args.head_size;
  As(args.x_storage, args.x, [&](auto* x) {
    As(args.out_storage, args.out, [&](auto* out) {
      for (int64_t row = first; row < last; ++row)
        for (int64_t head = 0; head < args.heads; ++head)
          RotaryHead(x + row * args.x_row_stride + head * size,
                     args.cos ? args.cos + row * (size / 2) : nullptr,
                     args.cos ? args.sin + row * (size / 2) : nullptr,
                     out + head * args.out_head_stride + (args.out_offset + row) * size, size);
    });
  });
}

template <typename From, typename To>
void Convert(const From* from, To* to, int64_t first, int64_t last) {
  ForVectors(first, last,
             [&](int64_t i, auto count) { Store(to + i, Load(from + i, count), count); });
}

}  // namespace
}  // namespace occvla::kernels

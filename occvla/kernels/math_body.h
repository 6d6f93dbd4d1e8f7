#pragma once
#include "occvla/kernels/variants.h"

/// exp and the soft cap over the Vector of the including file. Internal linkage throughout.
namespace occvla::kernels {
namespace {

/// e^x within 1.2e-7 of its size; 0 below -104, infinity above 89, NaN of NaN. Monotone where
/// neighbours differ by more than that.
inline Vector Exp(Vector x) {
  x = Max(Fill(-104.0f), Min(Fill(89.0f), x));  // The second operand survives a NaN.
  const Vector n = RoundToInteger(Multiply(x, Fill(1.44269504088896341f)));
  Vector r = MultiplySubtractFrom(n, Fill(0.693359375f), x);
  r = MultiplySubtractFrom(n, Fill(-2.12194440e-4f), r);
  Vector p = Fill(1.9875691500e-4f);
  p = MultiplyAdd(p, r, Fill(1.3981999507e-3f));
  p = MultiplyAdd(p, r, Fill(8.3334519073e-3f));
  p = MultiplyAdd(p, r, Fill(4.1665795894e-2f));
  p = MultiplyAdd(p, r, Fill(1.6666665459e-1f));
  p = MultiplyAdd(p, r, Fill(5.0000001201e-1f));
  p = MultiplyAdd(p, Multiply(r, r), Add(r, Fill(1.0f)));
  return TimesPowerOfTwo(p, n);
}

/// cap * tanh(x / cap) within 2e-7 of |x|, odd, never beyond the cap. Below 0.625 caps an odd
/// polynomial multiplies x itself, so that small scores keep every bit; above, cap - 2 cap / (e^2t
/// + 1).
inline Vector SoftCap(Vector x, Vector cap, Vector inverse_cap) {
  const Vector t = Multiply(x, inverse_cap);
  const Vector size = Absolute(t);
  const Vector u = Multiply(t, t);
  Vector p = Fill(-5.70498872745e-3f);
  p = MultiplyAdd(p, u, Fill(2.06390887954e-2f));
  p = MultiplyAdd(p, u, Fill(-5.37397155531e-2f));
  p = MultiplyAdd(p, u, Fill(1.33314422036e-1f));
  p = MultiplyAdd(p, u, Fill(-3.33332819422e-1f));
  const Vector small = MultiplyAdd(Multiply(p, u), x, x);
  const Mask large = NotLess(size, Fill(0.625f));  // NaN too; either branch keeps it.
  if (!Any(large)) return small;
  const Vector e = Exp(Add(size, size));
  const Vector big = Subtract(cap, Divide(Add(cap, cap), Add(e, Fill(1.0f))));
  return Select(large, CopySign(big, x), small);
}

}  // namespace
}  // namespace occvla::kernels

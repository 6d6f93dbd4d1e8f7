#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "occvla/data/image/image.h"

namespace occvla::data {

/// A coefficient k of Pillow's resampling (22 bits behind the point) is kept as
/// high * 2^12 + low, both of which fit 16 bits, so that the sum can run on 16-bit multiply-adds of
/// tap pairs. Sums wrap modulo 2^32 and the whole fits 32 bits: exact.
inline constexpr int kPrecisionBits = 22;
inline constexpr int kLowBits = 12;

/// What one index of the output reads: `count` taps from `first` on.
struct Taps {
  int first = 0;
  int count = 0;
  size_t offset = 0;  ///< Of its taps in Axis::low and Axis::high.
};

/// The taps of one axis, each output's filled up with weights of zero to a multiple of four.
struct Axis {
  std::vector<Taps> taps;  ///< One per output index.
  std::vector<int16_t> low, high;
};

/// The bytes behind the last row that HorizontalPass may read (times zero).
inline constexpr size_t kOverread = 16;

/// Rows of RGB to rows of axis.taps.size() pixels.
struct Rows {
  const uint8_t* in = nullptr;
  size_t in_stride = 0;
  uint8_t* out = nullptr;
  size_t out_stride = 0;
  size_t count = 0;
};
using HorizontalPass = void (*)(const Rows& rows, const Axis& axis);

/// One output row of `stride` bytes: weighted sums down the columns, `in` being the first tap's
/// row.
using VerticalPass = void (*)(const uint8_t* in, size_t stride, const Taps& taps, const Axis& axis,
                              uint8_t* out);

/// One implementation of both; all give the same bytes.
struct ResizePasses {
  const char* name = "";
  HorizontalPass horizontal = nullptr;
  VerticalPass vertical = nullptr;
};

/// Those that this machine runs, the plain one first, the fastest last.
const std::vector<ResizePasses>& AvailablePasses();
Image ResizeBy(const ResizePasses& passes, const Image& image, int width_px, int height_px,
               ResizeFilter filter);

void HorizontalScalar(const Rows& rows, const Axis& axis);
void VerticalScalar(const uint8_t* in, size_t stride, const Taps& taps, const Axis& axis,
                    uint8_t* out);
/// The bytes from `from` on.
void VerticalScalarFrom(size_t from, const uint8_t* in, size_t stride, const Taps& taps,
                        const Axis& axis, uint8_t* out);
#ifdef __x86_64__
void HorizontalSse2(const Rows& rows, const Axis& axis);
void VerticalSse2(const uint8_t* in, size_t stride, const Taps& taps, const Axis& axis,
                  uint8_t* out);
void HorizontalAvx2(const Rows& rows, const Axis& axis);
void VerticalAvx2(const uint8_t* in, size_t stride, const Taps& taps, const Axis& axis,
                  uint8_t* out);
#endif

}  // namespace occvla::data

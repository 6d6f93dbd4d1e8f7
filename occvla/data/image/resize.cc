#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "occvla/base/error.h"
#include "occvla/data/image/image.h"

namespace occvla::data {
namespace {

constexpr int kPrecisionBits = 22;
// A coefficient k is kept as high * 2^12 + low, both of which fit 16 bits, so that the sum can run
// on 16-bit multiply-adds of tap pairs. Sums wrap modulo 2^32 and the whole fits 32 bits: exact.
constexpr int kLowBits = 12;

// What one axis of the output reads: `pairs` tap pairs from `first` on, the odd tap filled with
// zero.
struct Taps {
  int first = 0;
  int count = 0;
  size_t offset = 0;  // Of its pairs in Axis::low and Axis::high.
};

struct Axis {
  std::vector<Taps> taps;          // One per output index.
  std::vector<int16_t> low, high;  // Two per pair.
};

double Bicubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

double Bilinear(double x) { return std::max(0.0, 1.0 - std::abs(x)); }

// Pillow's precompute_coeffs and normalize_coeffs_8bpc, operation by operation: a different order
// of the double arithmetic may change a coefficient's last bit.
Axis MakeAxis(int in, int out, ResizeFilter filter) {
  const double scale = static_cast<double>(in) / out;
  const double filter_scale = std::max(scale, 1.0);
  const double support = (filter == ResizeFilter::kBicubic ? 2.0 : 1.0) * filter_scale;
  const double inverse = 1.0 / filter_scale;
  Axis axis;
  axis.taps.reserve(static_cast<size_t>(out));
  std::vector<double> weights;
  for (int index = 0; index < out; ++index) {
    const double centre = (index + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(centre - support + 0.5));
    const int last = std::min(in, static_cast<int>(centre + support + 0.5));
    weights.clear();
    double sum = 0;
    for (int tap = 0; tap < last - first; ++tap) {
      const double x = (tap + first - centre + 0.5) * inverse;
      weights.push_back(filter == ResizeFilter::kBicubic ? Bicubic(x) : Bilinear(x));
      sum += weights.back();
    }
    axis.taps.push_back({.first = first, .count = last - first, .offset = axis.low.size()});
    for (double weight : weights) {
      if (sum != 0.0) weight /= sum;
      const double rounding = weight < 0 ? -0.5 : 0.5;
      const int k = static_cast<int>(rounding + weight * (1 << kPrecisionBits));
      axis.low.push_back(static_cast<int16_t>(k & ((1 << kLowBits) - 1)));
      axis.high.push_back(static_cast<int16_t>(k >> kLowBits));
    }
    if (weights.size() % 2 != 0) {
      axis.low.push_back(0);
      axis.high.push_back(0);
    }
  }
  return axis;
}

#ifdef __SSE2__

__m128i CoefficientPair(const int16_t* pair) {
  int32_t both;
  std::memcpy(&both, pair, sizeof(both));
  return _mm_set1_epi32(both);
}

// Four sums of each kind -> four values before saturation.
__m128i Finish(__m128i low, __m128i high) {
  const __m128i half = _mm_set1_epi32(1 << (kPrecisionBits - 1));
  const __m128i sum = _mm_add_epi32(_mm_add_epi32(low, half), _mm_slli_epi32(high, kLowBits));
  return _mm_srai_epi32(sum, kPrecisionBits);
}

// Reads 8 bytes from pixel `first` + 2 * pair on: callers keep that many behind the last row's end.
constexpr size_t kOverread = 8;

template <int kRows>
void HorizontalRows(const std::array<const uint8_t*, kRows>& in, const Axis& axis, uint8_t* out,
                    size_t out_stride) {
  const __m128i zero = _mm_setzero_si128();
  for (size_t index = 0; index < axis.taps.size(); ++index) {
    const Taps& taps = axis.taps[index];
    __m128i low[kRows], high[kRows];
    std::fill_n(low, kRows, zero);
    std::fill_n(high, kRows, zero);
    size_t byte = static_cast<size_t>(taps.first) * 3;
    for (int tap = 0; tap < taps.count; tap += 2, byte += 6) {
      const __m128i k_low = CoefficientPair(&axis.low[taps.offset + static_cast<size_t>(tap)]);
      const __m128i k_high = CoefficientPair(&axis.high[taps.offset + static_cast<size_t>(tap)]);
      for (int row = 0; row < kRows; ++row) {
        const auto* source = reinterpret_cast<const __m128i*>(in[row] + byte);
        const __m128i two = _mm_loadl_epi64(source);  // r0 g0 b0 r1 g1 b1 . .
        const __m128i pairs = _mm_unpacklo_epi8(two, _mm_srli_si128(two, 3));  // r0 r1 g0 g1 ..
        const __m128i wide = _mm_unpacklo_epi8(pairs, zero);
        low[row] = _mm_add_epi32(low[row], _mm_madd_epi16(wide, k_low));
        high[row] = _mm_add_epi32(high[row], _mm_madd_epi16(wide, k_high));
      }
    }
    for (int row = 0; row < kRows; ++row) {
      const __m128i words = _mm_packs_epi32(Finish(low[row], high[row]), zero);
      const auto pixel = static_cast<uint32_t>(_mm_cvtsi128_si32(_mm_packus_epi16(words, zero)));
      std::memcpy(out + static_cast<size_t>(row) * out_stride + index * 3, &pixel, 3);
    }
  }
}

// Sixteen neighbouring bytes of one output row.
void VerticalSixteen(const uint8_t* in, size_t stride, const Taps& taps, const Axis& axis,
                     uint8_t* out) {
  const __m128i zero = _mm_setzero_si128();
  __m128i low[4], high[4];
  std::fill_n(low, 4, zero);
  std::fill_n(high, 4, zero);
  for (int tap = 0; tap < taps.count; tap += 2) {
    const __m128i k_low = CoefficientPair(&axis.low[taps.offset + static_cast<size_t>(tap)]);
    const __m128i k_high = CoefficientPair(&axis.high[taps.offset + static_cast<size_t>(tap)]);
    const uint8_t* row = in + static_cast<size_t>(tap) * stride;
    const __m128i upper = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row));
    // The filled tap of an odd count has weight zero; its row may not exist.
    const __m128i lower = tap + 1 < taps.count
                              ? _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + stride))
                              : zero;
    const __m128i first = _mm_unpacklo_epi8(upper, lower), second = _mm_unpackhi_epi8(upper, lower);
    const __m128i wide[4] = {_mm_unpacklo_epi8(first, zero), _mm_unpackhi_epi8(first, zero),
                             _mm_unpacklo_epi8(second, zero), _mm_unpackhi_epi8(second, zero)};
    for (int part = 0; part < 4; ++part) {
      low[part] = _mm_add_epi32(low[part], _mm_madd_epi16(wide[part], k_low));
      high[part] = _mm_add_epi32(high[part], _mm_madd_epi16(wide[part], k_high));
    }
  }
  const __m128i left = _mm_packs_epi32(Finish(low[0], high[0]), Finish(low[1], high[1]));
  const __m128i right = _mm_packs_epi32(Finish(low[2], high[2]), Finish(low[3], high[3]));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_packus_epi16(left, right));
}

constexpr size_t kVerticalStep = 16;

#else

constexpr size_t kOverread = 0;
constexpr size_t kVerticalStep = SIZE_MAX;

#endif

uint8_t Weigh(const uint8_t* in, size_t stride, const Taps& taps, const Axis& axis) {
  int sum = 1 << (kPrecisionBits - 1);
  for (int tap = 0; tap < taps.count; ++tap) {
    const size_t at = taps.offset + static_cast<size_t>(tap);
    const int k = axis.high[at] * (1 << kLowBits) + axis.low[at];
    sum += in[static_cast<size_t>(tap) * stride] * k;
  }
  return static_cast<uint8_t>(std::clamp(sum >> kPrecisionBits, 0, 255));
}

Image ResizeWidth(const Image& image, int width_px, ResizeFilter filter) {
  const Axis axis = MakeAxis(image.width_px, width_px, filter);
  const size_t in_stride = static_cast<size_t>(image.width_px) * 3;
  const size_t out_stride = static_cast<size_t>(width_px) * 3;
  const auto rows = static_cast<size_t>(image.height_px);
  Image out{.width_px = width_px, .height_px = image.height_px, .rgb = {}};
  out.rgb.resize(out_stride * rows);
  size_t row = 0;
#ifdef __SSE2__
  constexpr size_t kRows = 4;
  const auto safe = [&](size_t count) {  // Reading past these rows stays inside the image.
    return (rows - row) >= count && (rows - row - count) * in_stride >= kOverread;
  };
  for (; safe(kRows); row += kRows) {
    const uint8_t* in = &image.rgb[row * in_stride];
    HorizontalRows<kRows>({in, in + in_stride, in + 2 * in_stride, in + 3 * in_stride}, axis,
                          &out.rgb[row * out_stride], out_stride);
  }
  std::vector<uint8_t> padded(in_stride + kOverread);
  for (; row < rows; ++row) {
    std::copy_n(&image.rgb[row * in_stride], in_stride, padded.begin());
    HorizontalRows<1>({padded.data()}, axis, &out.rgb[row * out_stride], out_stride);
  }
#else
  for (; row < rows; ++row) {
    for (size_t byte = 0; byte < out_stride; ++byte) {
      const Taps& taps = axis.taps[byte / 3];
      const size_t first = row * in_stride + static_cast<size_t>(taps.first) * 3 + byte % 3;
      out.rgb[row * out_stride + byte] = Weigh(&image.rgb[first], 3, taps, axis);
    }
  }
#endif
  return out;
}

Image ResizeHeight(const Image& image, int height_px, ResizeFilter filter) {
  const Axis axis = MakeAxis(image.height_px, height_px, filter);
  const size_t stride = static_cast<size_t>(image.width_px) * 3;
  Image out{.width_px = image.width_px, .height_px = height_px, .rgb = {}};
  out.rgb.resize(stride * static_cast<size_t>(height_px));
  for (size_t row = 0; row < axis.taps.size(); ++row) {
    const Taps& taps = axis.taps[row];
    const uint8_t* in = &image.rgb[static_cast<size_t>(taps.first) * stride];
    uint8_t* to = &out.rgb[row * stride];
    size_t byte = 0;
#ifdef __SSE2__
    for (; byte + kVerticalStep <= stride; byte += kVerticalStep) {
      VerticalSixteen(in + byte, stride, taps, axis, to + byte);
    }
#endif
    for (; byte < stride; ++byte) to[byte] = Weigh(in + byte, stride, taps, axis);
  }
  return out;
}

}  // namespace

Image Resize(const Image& image, int width_px, int height_px, ResizeFilter filter) {
  OCCVLA_DCHECK(image.width_px > 0 && image.height_px > 0);
  OCCVLA_DCHECK(width_px > 0 && height_px > 0);
  // Width first, eight bits between the passes, as Pillow does; a pass that keeps the size is left
  // out there and here.
  if (width_px == image.width_px && height_px == image.height_px) return image;
  if (width_px == image.width_px) return ResizeHeight(image, height_px, filter);
  Image narrow = ResizeWidth(image, width_px, filter);
  return height_px == image.height_px ? narrow : ResizeHeight(narrow, height_px, filter);
}

}  // namespace occvla::data

#include <algorithm>
#include <cmath>

#include "occvla/base/error.h"
#include "occvla/data/image/image.h"
#include "occvla/data/image/resize_passes.h"

namespace occvla::data {
namespace {

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
    const size_t filled = (axis.low.size() + 3) / 4 * 4;
    axis.low.resize(filled);
    axis.high.resize(filled);
  }
  return axis;
}

uint8_t Weigh(const uint8_t* in, size_t stride, const Taps& taps, const Axis& axis) {
  int sum = 1 << (kPrecisionBits - 1);
  for (int tap = 0; tap < taps.count; ++tap) {
    const size_t at = taps.offset + static_cast<size_t>(tap);
    const int k = axis.high[at] * (1 << kLowBits) + axis.low[at];
    sum += in[static_cast<size_t>(tap) * stride] * k;
  }
  return static_cast<uint8_t>(std::clamp(sum >> kPrecisionBits, 0, 255));
}

Image ResizeWidth(const ResizePasses& passes, const Image& image, int width_px,
                  ResizeFilter filter) {
  const Axis axis = MakeAxis(image.width_px, width_px, filter);
  const size_t in_stride = static_cast<size_t>(image.width_px) * 3;
  const size_t out_stride = static_cast<size_t>(width_px) * 3;
  const auto rows = static_cast<size_t>(image.height_px);
  Image out{.width_px = width_px, .height_px = image.height_px, .rgb = {}};
  out.rgb.resize(out_stride * rows);
  // The last rows, behind which there is less than a pass may read, go through a longer buffer.
  const size_t last = std::min(rows, (kOverread + in_stride - 1) / in_stride);
  const size_t first = rows - last;
  passes.horizontal({image.rgb.data(), in_stride, out.rgb.data(), out_stride, first}, axis);
  std::vector<uint8_t> padded(last * in_stride + kOverread);
  std::copy_n(&image.rgb[first * in_stride], last * in_stride, padded.begin());
  passes.horizontal({padded.data(), in_stride, &out.rgb[first * out_stride], out_stride, last},
                    axis);
  return out;
}

Image ResizeHeight(const ResizePasses& passes, const Image& image, int height_px,
                   ResizeFilter filter) {
  const Axis axis = MakeAxis(image.height_px, height_px, filter);
  const size_t stride = static_cast<size_t>(image.width_px) * 3;
  Image out{.width_px = image.width_px, .height_px = height_px, .rgb = {}};
  out.rgb.resize(stride * static_cast<size_t>(height_px));
  for (size_t row = 0; row < axis.taps.size(); ++row) {
    const Taps& taps = axis.taps[row];
    passes.vertical(&image.rgb[static_cast<size_t>(taps.first) * stride], stride, taps, axis,
                    &out.rgb[row * stride]);
  }
  return out;
}

}  // namespace

void HorizontalScalar(const Rows& rows, const Axis& axis) {
  for (size_t row = 0; row < rows.count; ++row) {
    for (size_t byte = 0; byte < axis.taps.size() * 3; ++byte) {
      const Taps& taps = axis.taps[byte / 3];
      const size_t first = row * rows.in_stride + static_cast<size_t>(taps.first) * 3 + byte % 3;
      rows.out[row * rows.out_stride + byte] = Weigh(rows.in + first, 3, taps, axis);
    }
  }
}

void VerticalScalarFrom(size_t from, const uint8_t* in, size_t stride, const Taps& taps,
                        const Axis& axis, uint8_t* out) {
  for (size_t byte = from; byte < stride; ++byte) out[byte] = Weigh(in + byte, stride, taps, axis);
}

void VerticalScalar(const uint8_t* in, size_t stride, const Taps& taps, const Axis& axis,
                    uint8_t* out) {
  VerticalScalarFrom(0, in, stride, taps, axis, out);
}

const std::vector<ResizePasses>& AvailablePasses() {
  static const std::vector<ResizePasses> passes = [] {
    std::vector<ResizePasses> list{{"scalar", HorizontalScalar, VerticalScalar}};
#ifdef __x86_64__
    list.push_back({"sse2", HorizontalSse2, VerticalSse2});
    if (__builtin_cpu_supports("avx2")) list.push_back({"avx2", HorizontalAvx2, VerticalAvx2});
#endif
    return list;
  }();
  return passes;
}

Image ResizeBy(const ResizePasses& passes, const Image& image, int width_px, int height_px,
               ResizeFilter filter) {
  OCCVLA_DCHECK(image.width_px > 0 && image.height_px > 0);
  OCCVLA_DCHECK(width_px > 0 && height_px > 0);
  // Width first, eight bits between the passes, as Pillow does; a pass that keeps the size is left
  // out there and here.
  if (width_px == image.width_px && height_px == image.height_px) return image;
  if (width_px == image.width_px) return ResizeHeight(passes, image, height_px, filter);
  Image narrow = ResizeWidth(passes, image, width_px, filter);
  return height_px == image.height_px ? narrow : ResizeHeight(passes, narrow, height_px, filter);
}

Image Resize(const Image& image, int width_px, int height_px, ResizeFilter filter) {
  return ResizeBy(AvailablePasses().back(), image, width_px, height_px, filter);
}

}  // namespace occvla::data

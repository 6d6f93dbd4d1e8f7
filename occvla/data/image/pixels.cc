#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>

#include "occvla/base/error.h"
#include "occvla/data/image/image.h"

namespace occvla::data {
namespace {

// transformers' slow path: a product in double, rounded to float, then float arithmetic.
std::array<float, 256> MakeTable() {
  std::array<float, 256> table{};
  for (size_t value = 0; value < table.size(); ++value) {
    const auto unit = static_cast<float>(static_cast<double>(value) * (1 / 255.0));
    table[value] = (unit - 0.5f) / 0.5f;
  }
  return table;
}

void NormaliseInto(std::span<const uint8_t> rgb, std::span<float> out) {
  static const std::array<float, 256> kTable = MakeTable();
  const size_t plane = out.size() / 3;
  for (size_t pixel = 0; pixel < plane; ++pixel) {
    for (size_t channel = 0; channel < 3; ++channel) {
      out[channel * plane + pixel] = kTable[rgb[pixel * 3 + channel]];
    }
  }
}

// One DataError with every complaint; anything that is not about the data goes up as it is.
void ThrowAll(const Frame& frame, const std::array<std::exception_ptr, 6>& errors) {
  std::string text;
  int count = 0;
  for (const std::exception_ptr& error : errors) {
    if (!error) continue;
    try {
      std::rethrow_exception(error);
    } catch (const DataError& complaint) {
      text += fmt::format("\n  - {}", complaint.what());
      ++count;
    }
  }
  if (count > 0) {
    throw DataError(fmt::format("frame {}: {} of {} images cannot be used:{}", frame.token, count,
                                errors.size(), text));
  }
}

}  // namespace

Image DecodeCamera(const CameraImage& camera, const std::string& where) {
  if (camera.bytes.empty()) return ReadImage(camera.path);
  return DecodeImage(std::as_bytes(std::span(camera.bytes)), where);
}

std::vector<float> Normalise(const Image& image) {
  std::vector<float> out(image.rgb.size());
  NormaliseInto(image.rgb, out);
  return out;
}

std::vector<float> NormalisePixels(std::span<const uint8_t> rgb, int size_px) {
  OCCVLA_DCHECK(size_px > 0);
  const size_t stride = size_t{3} * static_cast<size_t>(size_px) * static_cast<size_t>(size_px);
  OCCVLA_DCHECK(rgb.size() % stride == 0);
  std::vector<float> pixels(rgb.size());
  for (size_t first = 0; first < rgb.size(); first += stride)
    NormaliseInto(rgb.subspan(first, stride), std::span(pixels).subspan(first, stride));
  return pixels;
}

std::vector<uint8_t> LoadRgb(const Frame& frame, int size_px, ResizeFilter filter, size_t threads) {
  OCCVLA_DCHECK(size_px > 0);
  const size_t stride = size_t{3} * static_cast<size_t>(size_px) * static_cast<size_t>(size_px);
  std::vector<uint8_t> rgb(frame.images.size() * stride);
  std::array<std::exception_ptr, 6> errors;
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t index = next++; index < frame.images.size(); index = next++) {
      try {
        const std::string where = fmt::format("{}/{}", frame.token, kCameraNames[index]);
        const Image image = DecodeCamera(frame.images[index], where);
        const Image resized = Resize(image, size_px, size_px, filter);
        std::copy(resized.rgb.begin(), resized.rgb.end(), &rgb[index * stride]);
      } catch (...) {
        errors[index] = std::current_exception();
      }
    }
  };
  {
    std::vector<std::jthread> helpers;
    for (size_t index = 1; index < threads; ++index) helpers.emplace_back(work);
    work();
  }
  ThrowAll(frame, errors);
  return rgb;
}

std::vector<float> LoadPixels(const Frame& frame, int size_px, ResizeFilter filter) {
  const size_t threads = std::clamp<size_t>(std::thread::hardware_concurrency(), 2, 6);
  return NormalisePixels(LoadRgb(frame, size_px, filter, threads), size_px);
}

}  // namespace occvla::data

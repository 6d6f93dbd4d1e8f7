#include <fmt/format.h>

#include <algorithm>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/data/image/codec.h"
#include "occvla/data/image/image.h"

namespace occvla::data {
namespace {

bool StartsWith(std::span<const std::byte> file, std::initializer_list<int> magic) {
  return file.size() >= magic.size() &&
         std::equal(magic.begin(), magic.end(), file.begin(),
                    [](int wanted, std::byte found) { return std::byte(wanted) == found; });
}

std::string FirstBytes(std::span<const std::byte> file) {
  std::string text;
  for (std::byte byte : file.first(std::min<size_t>(file.size(), 8))) {
    text += fmt::format("{}{:02x}", text.empty() ? "" : " ", std::to_integer<int>(byte));
  }
  return text;
}

enum class Format { kJpeg, kPng };

// The bytes decide, not the file name: data sets hold PNGs named .jpg.
Format Sniff(std::span<const std::byte> file, const std::string& where, const ImageLimits& limits) {
  if (file.empty()) {
    throw DataError(where + ": is empty, expected a JPEG or PNG image. Fetch the file again.");
  }
  if (file.size() > limits.max_bytes) {
    throw DataError(fmt::format("{}: has {} bytes, an image may have at most {}.", where,
                                file.size(), limits.max_bytes));
  }
  if (StartsWith(file, {0xff, 0xd8, 0xff})) return Format::kJpeg;
  if (StartsWith(file, {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'})) return Format::kPng;
  throw DataError(fmt::format(
      "{}: starts with {}, which is neither JPEG (ff d8 ff) nor PNG (89 50 4e 47 0d 0a 1a 0a). "
      "Save the image as one of the two.",
      where, FirstBytes(file)));
}

}  // namespace

Image DecodeImage(std::span<const std::byte> file, const std::string& where,
                  const ImageLimits& limits) {
  return Sniff(file, where, limits) == Format::kJpeg ? DecodeJpeg(file, where, limits)
                                                     : DecodePng(file, where, limits);
}

Image ReadImage(const std::filesystem::path& path, const ImageLimits& limits) {
  return DecodeImage(ReadFile(path, limits.max_bytes), path.string(), limits);
}

ImageSize ReadImageSize(const std::filesystem::path& path, const ImageLimits& limits) {
  const std::vector<std::byte> file = ReadFile(path, limits.max_bytes);
  const std::string where = path.string();
  return Sniff(file, where, limits) == Format::kJpeg ? JpegSize(file, where)
                                                     : PngSize(file, where, limits);
}

Image BlankImage(int64_t width_px, int64_t height_px, const std::string& where,
                 const ImageLimits& limits) {
  if (width_px < 1 || height_px < 1) {
    throw DataError(fmt::format("{}: the header says {} x {} pixels; both must be at least 1.",
                                where, width_px, height_px));
  }
  if (width_px > limits.max_pixels / height_px) {
    throw DataError(fmt::format("{}: has {} x {} pixels, an image may have at most {} in all.",
                                where, width_px, height_px, limits.max_pixels));
  }
  Image image{
      .width_px = static_cast<int>(width_px), .height_px = static_cast<int>(height_px), .rgb = {}};
  image.rgb.resize(static_cast<size_t>(width_px) * static_cast<size_t>(height_px) * 3);
  return image;
}

}  // namespace occvla::data

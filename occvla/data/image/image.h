#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "occvla/data/frame.h"

namespace occvla::data {

/// Interleaved 8-bit RGB, row-major, [height][width][3].
struct Image {
  int width_px = 0;
  int height_px = 0;
  std::vector<uint8_t> rgb;
};

/// Bounds on what a file from outside may make us allocate.
struct ImageLimits {
  size_t max_bytes = size_t{64} << 20;
  int64_t max_pixels = 64'000'000;
};

/// Decodes a baseline or progressive JPEG, or a PNG, as Pillow's `Image.open(f).convert("RGB")`
/// does; docs/decisions/0003-image-decoding.md says what that means for grayscale, CMYK, EXIF
/// orientation, alpha and 16 bits.
/// `where` opens every complaint. A truncated or damaged file throws DataError with the reason.
Image DecodeImage(std::span<const std::byte> file, const std::string& where,
                  const ImageLimits& limits = {});
Image ReadImage(const std::filesystem::path& path, const ImageLimits& limits = {});

struct ImageSize {
  int width_px = 0;
  int height_px = 0;
};

/// What a JPEG's or PNG's header says, without decoding a pixel. Throws as ReadImage does.
ImageSize ReadImageSize(const std::filesystem::path& path, const ImageLimits& limits = {});

/// A frame's image, from its bytes in memory or from its file; `where` names the former.
Image DecodeCamera(const CameraImage& camera, const std::string& where);

enum class ResizeFilter { kBicubic, kBilinear };

/// Pillow's two-pass 8-bit resampling, bit for bit, the horizontal pass always first.
Image Resize(const Image& image, int width_px, int height_px,
             ResizeFilter filter = ResizeFilter::kBicubic);

/// SigLIP's input: [3][H][W] float32 in [-1, 1]; (rgb * (1/255) in double, cast, - 0.5) / 0.5.
std::vector<float> Normalise(const Image& image);

/// The same for images of one size that lie end to end: rgb [n][size][size][3] -> [n][3][size]
/// [size].
std::vector<float> NormalisePixels(std::span<const uint8_t> rgb, int size_px);

/// A frame's six images decoded and resized to size x size on so many threads:
/// [6][size][size][3]. All complaints of the six files come in one DataError.
std::vector<uint8_t> LoadRgb(const Frame& frame, int size_px, ResizeFilter filter, size_t threads);

/// `LoadRgb` on two threads or more, normalised: [6][3][size][size].
std::vector<float> LoadPixels(const Frame& frame, int size_px,
                              ResizeFilter filter = ResizeFilter::kBicubic);

/// RGB as a baseline JPEG with 4:2:0 chroma; quality 1 to 100. The same image gives the same bytes.
std::string EncodeJpeg(const Image& image, int quality);

/// RGB as PNG: the same image gives the same bytes.
std::string EncodePng(const Image& image);
/// `EncodePng` into a file, atomically.
void WritePng(const std::filesystem::path& path, const Image& image);
/// As PNG, or as JPEG (quality 90) where the name ends in .jpg or .jpeg; atomically.
void WriteImage(const std::filesystem::path& path, const Image& image);

}  // namespace occvla::data

#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "occvla/data/image/image.h"

namespace occvla::data {

// The two decoders behind DecodeImage and ReadImageSize. `file` already starts with the format's
// magic bytes.
ImageSize JpegSize(std::span<const std::byte> file, const std::string& where);
ImageSize PngSize(std::span<const std::byte> file, const std::string& where,
                  const ImageLimits& limits);
Image DecodeJpeg(std::span<const std::byte> file, const std::string& where,
                 const ImageLimits& limits);
Image DecodePng(std::span<const std::byte> file, const std::string& where,
                const ImageLimits& limits);

/// An image of the given size whose pixels are still zero; throws DataError when a side is not
/// positive or the pixels pass the limit, before anything is allocated.
Image BlankImage(int64_t width_px, int64_t height_px, const std::string& where,
                 const ImageLimits& limits);

}  // namespace occvla::data

#include <fmt/format.h>
#include <spng.h>

#include <cstdlib>
#include <memory>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/data/image/codec.h"

namespace occvla::data {
namespace {

struct FreeContext {
  void operator()(spng_ctx* context) const { spng_ctx_free(context); }
};
using Context = std::unique_ptr<spng_ctx, FreeContext>;

class PngReader {
 public:
  PngReader(std::span<const std::byte> file, const std::string& where, const ImageLimits& limits)
      : context_(spng_ctx_new(0)), where_(where) {
    if (!context_) throw DeviceError("libspng gave no decoder: out of memory.");
    // Text and profile chunks inflate too: nothing of them may pass the bound on the file itself.
    Check(spng_set_chunk_limits(context_.get(), limits.max_bytes, limits.max_bytes));
    Check(spng_set_png_buffer(context_.get(), file.data(), file.size()));
  }

  spng_ihdr ReadHeader() {
    spng_ihdr header{};
    Check(spng_get_ihdr(context_.get(), &header));
    return header;
  }

  void Decode(std::vector<uint8_t>& rgb) {
    Check(spng_decode_image(context_.get(), rgb.data(), rgb.size(), SPNG_FMT_RGB8, 0));
    Check(spng_decode_chunks(context_.get()));  // Up to IEND: a cut tail is damage too.
  }

 private:
  void Check(int status) const {
    if (status == SPNG_OK) return;
    throw DataError(fmt::format("{}: damaged or unsupported PNG: {}. Fetch the file again.", where_,
                                spng_strerror(status)));
  }

  Context context_;
  const std::string& where_;  // The caller's, which outlives the reader.
};

}  // namespace

ImageSize PngSize(std::span<const std::byte> file, const std::string& where,
                  const ImageLimits& limits) {
  const spng_ihdr header = PngReader(file, where, limits).ReadHeader();
  return {.width_px = static_cast<int>(header.width), .height_px = static_cast<int>(header.height)};
}

Image DecodePng(std::span<const std::byte> file, const std::string& where,
                const ImageLimits& limits) {
  PngReader reader(file, where, limits);
  const spng_ihdr header = reader.ReadHeader();
  if (header.color_type == SPNG_COLOR_TYPE_GRAYSCALE && header.bit_depth == 16) {
    throw DataError(where +
                    ": is a 16-bit grayscale PNG, which is not read: Pillow would turn every value "
                    "above 255 white. Save it with 8 bits.");
  }
  Image image = BlankImage(header.width, header.height, where, limits);
  // As Pillow's convert("RGB"): alpha and transparent colours are dropped, not blended; 16-bit
  // colour keeps its high byte; gamma and profiles are left alone.
  reader.Decode(image.rgb);
  return image;
}

std::string EncodePng(const Image& image) {
  const Context context(spng_ctx_new(SPNG_CTX_ENCODER));
  if (!context) throw DeviceError("libspng gave no encoder: out of memory.");
  const auto check = [&](int status) {
    if (status != SPNG_OK) {
      throw DataError(fmt::format("a picture of {} x {} pixels cannot be written as PNG: {}.",
                                  image.width_px, image.height_px, spng_strerror(status)));
    }
  };
  check(spng_set_option(context.get(), SPNG_ENCODE_TO_BUFFER, 1));
  spng_ihdr header{};
  header.width = static_cast<uint32_t>(image.width_px);
  header.height = static_cast<uint32_t>(image.height_px);
  header.bit_depth = 8;
  header.color_type = SPNG_COLOR_TYPE_TRUECOLOR;
  check(spng_set_ihdr(context.get(), &header));
  check(spng_encode_image(context.get(), image.rgb.data(), image.rgb.size(), SPNG_FMT_PNG,
                          SPNG_ENCODE_FINALIZE));
  size_t size = 0;
  int status = SPNG_OK;
  const std::unique_ptr<void, decltype(&std::free)> bytes(
      spng_get_png_buffer(context.get(), &size, &status), &std::free);
  check(status);
  return {static_cast<const char*>(bytes.get()), size};
}

void WritePng(const std::filesystem::path& path, const Image& image) {
  WriteFileAtomically(path, EncodePng(image));
}

}  // namespace occvla::data

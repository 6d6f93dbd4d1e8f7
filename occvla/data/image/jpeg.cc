#include <fmt/format.h>
#include <turbojpeg.h>

#include <memory>
#include <vector>

#include "occvla/base/error.h"
#include "occvla/data/image/codec.h"

namespace occvla::data {
namespace {

struct DestroyHandle {
  void operator()(void* handle) const { tjDestroy(handle); }
};
using Handle = std::unique_ptr<void, DestroyHandle>;

// Pillow's exact rounding of a * b / 255 (MULDIV255).
int MultiplyDivide255(int a, int b) {
  const int product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

// Pillow takes every four-channel JPEG as Adobe's: ink stored inverted, whatever its markers say.
// In stored values s = 255 - ink, its conversion is clip(s_k - ink * s_k / 255).
void RgbFromStoredCmyk(const std::vector<uint8_t>& stored, std::vector<uint8_t>& rgb) {
  for (size_t pixel = 0; pixel < rgb.size() / 3; ++pixel) {
    const int white = stored[pixel * 4 + 3];
    for (size_t channel = 0; channel < 3; ++channel) {
      const int ink = 255 - stored[pixel * 4 + channel];
      rgb[pixel * 3 + channel] = static_cast<uint8_t>(white - MultiplyDivide255(ink, white));
    }
  }
}

struct Header {
  int width_px = 0, height_px = 0;
  int colours = 0;  // TJCS_*
};

class JpegReader {
 public:
  JpegReader(std::span<const std::byte> file, const std::string& where)
      : handle_(tjInitDecompress()), file_(file), where_(where) {
    if (!handle_) throw DeviceError("libturbojpeg gave no decoder: out of memory.");
  }

  Header ReadHeader() {
    Header header;
    int subsampling = 0;
    Check(tjDecompressHeader3(handle_.get(), data(), file_.size(), &header.width_px,
                              &header.height_px, &subsampling, &header.colours));
    // Where the file ends before its frame header, libturbojpeg reports success and no size.
    if (header.width_px < 1 || header.height_px < 1) Fail("it ends before its size is given");
    return header;
  }

  // What Pillow runs: the accurate integer DCT and smooth chroma upsampling. A warning (the data
  // end early, a marker is out of place) is an error, or half a grey picture would pass for a road.
  void Decode(const Header& header, TJPF format, std::vector<uint8_t>& out) {
    constexpr int kFlags = TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS;
    Check(tjDecompress2(handle_.get(), data(), file_.size(), out.data(), header.width_px, 0,
                        header.height_px, format, kFlags));
  }

 private:
  const unsigned char* data() const { return reinterpret_cast<const unsigned char*>(file_.data()); }
  void Check(int status) const {
    if (status != 0) Fail(tjGetErrorStr2(handle_.get()));
  }
  [[noreturn]] void Fail(const char* reason) const {
    throw DataError(
        fmt::format("{}: damaged or unsupported JPEG: {}. Fetch the file again.", where_, reason));
  }

  Handle handle_;
  std::span<const std::byte> file_;  // Lives as long as the caller's, which outlives the reader.
  const std::string& where_;
};

}  // namespace

ImageSize JpegSize(std::span<const std::byte> file, const std::string& where) {
  const Header header = JpegReader(file, where).ReadHeader();
  return {.width_px = header.width_px, .height_px = header.height_px};
}

Image DecodeJpeg(std::span<const std::byte> file, const std::string& where,
                 const ImageLimits& limits) {
  JpegReader reader(file, where);
  const Header header = reader.ReadHeader();
  Image image = BlankImage(header.width_px, header.height_px, where, limits);
  if (header.colours == TJCS_CMYK || header.colours == TJCS_YCCK) {
    std::vector<uint8_t> stored(image.rgb.size() / 3 * 4);
    reader.Decode(header, TJPF_CMYK, stored);
    RgbFromStoredCmyk(stored, image.rgb);
  } else {
    reader.Decode(header, TJPF_RGB, image.rgb);
  }
  return image;
}

}  // namespace occvla::data

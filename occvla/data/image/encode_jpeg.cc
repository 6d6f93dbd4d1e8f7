#include <turbojpeg.h>

#include <memory>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/data/image/image.h"

namespace occvla::data {
namespace {

struct DestroyHandle {
  void operator()(void* handle) const { tjDestroy(handle); }
};

}  // namespace

std::string EncodeJpeg(const Image& image, int quality) {
  OCCVLA_DCHECK(quality >= 1 && quality <= 100);
  const std::unique_ptr<void, DestroyHandle> handle(tjInitCompress());
  if (!handle) throw DeviceError("libturbojpeg gave no encoder: out of memory.");
  std::string bytes(tjBufSize(image.width_px, image.height_px, TJSAMP_420), '\0');
  auto* to = reinterpret_cast<unsigned char*>(bytes.data());
  unsigned long size = bytes.size();
  // The integer DCT: the floating-point one may differ from machine to machine.
  if (tjCompress2(handle.get(), image.rgb.data(), image.width_px, 0, image.height_px, TJPF_RGB, &to,
                  &size, TJSAMP_420, quality, TJFLAG_ACCURATEDCT | TJFLAG_NOREALLOC) != 0) {
    throw DeviceError("libturbojpeg could not encode an image of " +
                      std::to_string(image.width_px) + "x" + std::to_string(image.height_px) +
                      " pixels: " + tjGetErrorStr2(handle.get()) + ".");
  }
  bytes.resize(size);
  return bytes;
}

void WriteImage(const std::filesystem::path& path, const Image& image) {
  const auto extension = path.extension();
  const bool jpeg = extension == ".jpg" || extension == ".jpeg";
  WriteFileAtomically(path, std::string_view(jpeg ? EncodeJpeg(image, 90) : EncodePng(image)));
}

}  // namespace occvla::data

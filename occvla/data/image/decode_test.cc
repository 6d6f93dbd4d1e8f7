#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <turbojpeg.h>
#include <zlib.h>

#include <cstdlib>

#include "occvla/base/error.h"
#include "occvla/data/image/image.h"

namespace occvla::data {
namespace {

Image Pattern(int width_px, int height_px) {
  Image image{.width_px = width_px, .height_px = height_px, .rgb = {}};
  for (int y = 0; y < height_px; ++y) {
    for (int x = 0; x < width_px; ++x) {
      for (int value : {x * 7 + y * 3, (x / 4 + y / 4) % 2 * 255, 255 - x * 5}) {
        image.rgb.push_back(static_cast<uint8_t>(value & 255));
      }
    }
  }
  return image;
}

std::string Compress(const std::vector<uint8_t>& samples, int width, int height, TJPF format,
                     TJSAMP subsampling) {
  tjhandle handle = tjInitCompress();
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  EXPECT_EQ(tjCompress2(handle, samples.data(), width, 0, height, format, &bytes, &size,
                        subsampling, 95, 0),
            0);
  std::string file(reinterpret_cast<char*>(bytes), size);
  tjFree(bytes);
  tjDestroy(handle);
  return file;
}

std::string ColourJpeg(int width = 32, int height = 24) {
  return Compress(Pattern(width, height).rgb, width, height, TJPF_RGB, TJSAMP_420);
}

std::string BigEndian(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
          static_cast<char>(value >> 8), static_cast<char>(value)};
}

std::string Chunk(const std::string& type, const std::string& data) {
  const std::string body = type + data;
  const auto* bytes = reinterpret_cast<const Bytef*>(body.data());
  return BigEndian(static_cast<uint32_t>(data.size())) + body +
         BigEndian(static_cast<uint32_t>(crc32(0, bytes, static_cast<uInt>(body.size()))));
}

std::string Header(uint32_t width, uint32_t height, int bits, int colour) {
  return std::string("\x89PNG\r\n\x1a\n", 8) +
         Chunk("IHDR", BigEndian(width) + BigEndian(height) + static_cast<char>(bits) +
                           static_cast<char>(colour) + std::string(3, '\0'));
}

std::string Deflate(const std::string& bytes) {
  uLongf size = compressBound(bytes.size());
  std::string out(size, '\0');
  compress(reinterpret_cast<Bytef*>(out.data()), &size,
           reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  out.resize(size);
  return out;
}

std::string Png(uint32_t width, uint32_t height, int bits, int colour, const std::string& rows,
                const std::string& before = "") {
  return Header(width, height, bits, colour) + before + Chunk("IDAT", Deflate(rows)) +
         Chunk("IEND", "");
}

Image Decode(const std::string& file, const ImageLimits& limits = {}) {
  return DecodeImage(std::as_bytes(std::span(file)), "cam.jpg", limits);
}

std::string ComplaintOf(const std::string& file, const ImageLimits& limits = {}) {
  try {
    Decode(file, limits);
  } catch (const DataError& error) {
    return error.what();
  }
  return "decoded";
}

using Pixels = std::vector<uint8_t>;

TEST(DecodeTest, JpegComesOutAsLibjpegDecodesIt) {
  const std::string file = ColourJpeg();
  const Image image = Decode(file);
  ASSERT_EQ(image.width_px, 32);
  ASSERT_EQ(image.height_px, 24);
  Pixels expected(32 * 24 * 3);
  tjhandle handle = tjInitDecompress();
  tjDecompress2(handle, reinterpret_cast<const unsigned char*>(file.data()), file.size(),
                expected.data(), 32, 0, 24, TJPF_RGB, TJFLAG_ACCURATEDCT);
  tjDestroy(handle);
  EXPECT_EQ(image.rgb, expected);
}

TEST(DecodeTest, GrayJpegRepeatsItsChannel) {
  const Image image = Decode(Compress(Pixels(64, 100), 8, 8, TJPF_GRAY, TJSAMP_GRAY));
  EXPECT_THAT(image.rgb, ::testing::Each(100));
  EXPECT_EQ(image.rgb.size(), 8u * 8 * 3);
}

// Stored C, M, Y, K of 200, 100, 50, 160 are taken as Adobe's inverted ink: 160 - 55 * 160 / 255
// = 125, 160 - 155 * 160 / 255 = 63, 160 - 205 * 160 / 255 = 31.
TEST(DecodeTest, CmykJpegIsReadAsAdobesInvertedInk) {
  Pixels stored;
  for (int pixel = 0; pixel < 64; ++pixel) stored.insert(stored.end(), {200, 100, 50, 160});
  const Image image = Decode(Compress(stored, 8, 8, TJPF_CMYK, TJSAMP_444));
  EXPECT_THAT(std::vector(image.rgb.begin(), image.rgb.begin() + 3),
              ::testing::ElementsAre(125, 63, 31));
}

TEST(DecodeTest, PngAlphaIsDroppedNotBlended) {
  const Image image = Decode(Png(2, 1, 8, 6, std::string("\0\x0a\x14\x1e\0\xff\x80\x40\x80", 9)));
  EXPECT_EQ(image.rgb, (Pixels{10, 20, 30, 255, 128, 64}));
}

TEST(DecodeTest, PngPaletteOfOneBitAndItsTransparencyBecomeColours) {
  const std::string before = Chunk("PLTE", std::string("\x01\x02\x03\xc8\x64\x32", 6)) +
                             Chunk("tRNS", std::string("\0", 1));
  const Image image = Decode(Png(3, 1, 1, 3, std::string("\0\x40", 2), before));
  EXPECT_EQ(image.rgb, (Pixels{1, 2, 3, 200, 100, 50, 1, 2, 3}));
}

TEST(DecodeTest, PngGrayOfTwoBitsSpreadsOverTheFullRange) {
  const Image image = Decode(Png(4, 1, 2, 0, std::string("\0\x1b", 2)));
  EXPECT_EQ(image.rgb, (Pixels{0, 0, 0, 85, 85, 85, 170, 170, 170, 255, 255, 255}));
}

TEST(DecodeTest, PngColourOfSixteenBitsKeepsTheHighByte) {
  const Image image = Decode(Png(1, 1, 16, 2, std::string("\0\x12\xff\x80\x00\xff\x01", 7)));
  EXPECT_EQ(image.rgb, (Pixels{0x12, 0x80, 0xff}));
}

TEST(DecodeTest, EncodedPngDecodesToTheSamePixelsAndRepeats) {
  const Image image = Pattern(13, 7);
  const std::string file = EncodePng(image);
  EXPECT_EQ(Decode(file).rgb, image.rgb);
  EXPECT_EQ(EncodePng(image), file);
}

struct Damage {
  std::string name, file, complaint;
  ImageLimits limits = {};
};

// A JPEG's frame header with other bytes for height and width (two each).
std::string WithSize(std::string file, const std::string& height_and_width) {
  const size_t frame = file.find("\xff\xc0");
  return file.replace(frame + 5, 4, height_and_width);
}

std::string Flipped(std::string file, size_t from_end) {
  file[file.size() - from_end] = static_cast<char>(file[file.size() - from_end] ^ 0x55);
  return file;
}

std::vector<Damage> Damages() {
  const std::string jpeg = ColourJpeg(), png = Png(4, 1, 8, 0, std::string("\0abcd", 5));
  const std::string jpeg_says = "cam.jpg: damaged or unsupported JPEG: ";
  const std::string png_says = "cam.jpg: damaged or unsupported PNG: ";
  const std::string again = ". Fetch the file again.";
  return {
      {"empty", "", "cam.jpg: is empty, expected a JPEG or PNG image. Fetch the file again."},
      {"gif", "GIF89a\1\1\1",
       "cam.jpg: starts with 47 49 46 38 39 61 01 01, which is neither JPEG (ff d8 ff) nor PNG (89 "
       "50 4e 47 0d 0a 1a 0a). Save the image as one of the two."},
      {"too many bytes",
       jpeg,
       "cam.jpg: has " + std::to_string(jpeg.size()) + " bytes, an image may have at most 100.",
       {.max_bytes = 100}},
      {"JPEG of three bytes", "\xff\xd8\xff",
       jpeg_says + "it ends before its size is given" + again},
      {"JPEG cut in its header", jpeg.substr(0, 60),
       jpeg_says + "it ends before its size is given" + again},
      {"JPEG cut in its data", jpeg.substr(0, jpeg.size() - 40),
       jpeg_says + "Premature end of JPEG file" + again},
      {"JPEG without its last marker", jpeg.substr(0, jpeg.size() - 2),
       jpeg_says + "Premature end of JPEG file" + again},
      {"JPEG of no width", WithSize(jpeg, std::string("\0\x18\0\0", 4)),
       jpeg_says + "Empty JPEG image (DNL not supported)" + again},
      {"JPEG of 65000 x 65000", WithSize(jpeg, "\xfd\xe8\xfd\xe8"),
       "cam.jpg: has 65000 x 65000 pixels, an image may have at most 64000000 in all."},
      {"JPEG of another size", WithSize(jpeg, std::string("\0\x18\x08\0", 4)),
       jpeg_says + "Corrupt JPEG data: premature end of data segment" + again},
      {"PNG of eight bytes", png.substr(0, 8), png_says + "end of stream" + again},
      {"PNG cut in its data", png.substr(0, png.size() - 20), png_says + "end of stream" + again},
      {"PNG without IEND", png.substr(0, png.size() - 12), png_says + "end of stream" + again},
      {"PNG with a wrong checksum", Flipped(png, 14), png_says + "invalid chunk checksum" + again},
      {"PNG of no width", Png(0, 1, 8, 0, ""), png_says + "invalid image width" + again},
      {"PNG of 3 bits", Png(1, 1, 3, 0, "ab"), png_says + "invalid bit depth" + again},
      {"PNG of 60000 x 60000", Png(60000, 60000, 8, 2, ""),
       "cam.jpg: has 60000 x 60000 pixels, an image may have at most 64000000 in all."},
      {"PNG without its palette", Png(1, 1, 8, 3, std::string("\0\0", 2)),
       png_says + "missing PLTE for indexed image" + again},
      {"PNG with too few rows", Png(4, 9, 8, 0, std::string("\0abcd", 5)),
       png_says + "IDAT stream too short" + again},
      {"PNG whose data is not deflated",
       Header(1, 1, 8, 0) + Chunk("IDAT", "hello") + Chunk("IEND", ""),
       png_says + "IDAT stream error" + again},
      {"PNG of 16-bit gray", Png(1, 1, 16, 0, std::string("\0\1\2", 3)),
       "cam.jpg: is a 16-bit grayscale PNG, which is not read: Pillow would turn every value above "
       "255 white. Save it with 8 bits."},
  };
}

TEST(DecodeTest, DamagedFilesAreRefusedWithTheReason) {
  for (const Damage& damage : Damages()) {
    EXPECT_EQ(ComplaintOf(damage.file, damage.limits), damage.complaint) << damage.name;
  }
}

}  // namespace
}  // namespace occvla::data

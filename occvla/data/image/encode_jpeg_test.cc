#include <gtest/gtest.h>

#include <cstdlib>
#include <span>

#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"
#include "occvla/data/image/image.h"

namespace occvla::data {
namespace {

Image Gradient(int width_px, int height_px) {
  Image image{width_px, height_px, {}};
  for (int y = 0; y < height_px; ++y)
    for (int x = 0; x < width_px; ++x)
      for (const int value : {2 * x, 3 * y, x + y})
        image.rgb.push_back(static_cast<uint8_t>(value));
  return image;
}

TEST(EncodeJpegTest, DecodesToNearlyTheSamePixels) {
  const auto image = Gradient(61, 35);  // No multiple of a block.
  const auto jpeg = EncodeJpeg(image, 95);
  const auto decoded = DecodeImage(std::as_bytes(std::span(jpeg)), "test");
  ASSERT_EQ(decoded.width_px, 61);
  ASSERT_EQ(decoded.height_px, 35);
  int64_t off = 0;
  for (size_t i = 0; i < image.rgb.size(); ++i) off += std::abs(decoded.rgb[i] - image.rgb[i]);
  // Smooth colours lose a step or two a channel at this quality.
  EXPECT_LT(static_cast<double>(off) / static_cast<double>(image.rgb.size()), 2.0);
}

TEST(EncodeJpegTest, SameImageGivesSameBytes) {
  const auto image = Gradient(48, 32);
  EXPECT_EQ(EncodeJpeg(image, 85), EncodeJpeg(image, 85));
}

TEST(EncodeJpegTest, HigherQualityTakesMoreBytes) {
  const auto image = Gradient(96, 64);
  EXPECT_LT(EncodeJpeg(image, 40).size(), EncodeJpeg(image, 95).size());
}

TEST(EncodeJpegTest, AFilesNameDecidesItsFormat) {
  const TestFolder folder;
  const Image image{.width_px = 8, .height_px = 8, .rgb = std::vector<uint8_t>(8 * 8 * 3, 90)};
  WriteImage(folder / "a.jpg", image);
  WriteImage(folder / "a.png", image);
  EXPECT_EQ(ReadTextFile(folder / "a.jpg").substr(0, 2), "\xff\xd8");
  EXPECT_EQ(ReadTextFile(folder / "a.png").substr(1, 3), "PNG");
}

}  // namespace
}  // namespace occvla::data

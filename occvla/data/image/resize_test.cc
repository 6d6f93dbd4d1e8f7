#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "occvla/base/error.h"
#include "occvla/data/image/image.h"
#include "occvla/data/image/resize_passes.h"

namespace occvla::data {
namespace {

Image Pattern(int width_px, int height_px) {
  Image image{.width_px = width_px, .height_px = height_px, .rgb = {}};
  uint32_t state = 1;
  for (int byte = 0; byte < width_px * height_px * 3; ++byte) {
    state = state * 1664525 + 1013904223;
    image.rgb.push_back(state >> 31 != 0 ? 255 : static_cast<uint8_t>(state >> 24 << 1));
  }
  return image;
}

double Weight(double x, ResizeFilter filter) {
  x = std::abs(x);
  if (filter == ResizeFilter::kBilinear) return x < 1 ? 1 - x : 0;
  if (x < 1) return ((-0.5 + 2.0) * x - (-0.5 + 3.0)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * -0.5;
  return 0;
}

// The published algorithm, one axis of one line of bytes at a time, with no thought of speed.
std::vector<uint8_t> SlowLine(const std::vector<uint8_t>& in, int out_size, ResizeFilter filter) {
  const int in_size = static_cast<int>(in.size());
  const double scale = static_cast<double>(in_size) / out_size, fs = std::max(scale, 1.0);
  const double support = (filter == ResizeFilter::kBicubic ? 2 : 1) * fs, ss = 1 / fs;
  std::vector<uint8_t> out;
  for (int index = 0; index < out_size; ++index) {
    const double centre = (index + 0.5) * scale;
    const int low = std::max(0, static_cast<int>(centre - support + 0.5));
    const int high = std::min(in_size, static_cast<int>(centre + support + 0.5));
    double total = 0;
    for (int at = low; at < high; ++at) total += Weight((at - centre + 0.5) * ss, filter);
    int64_t sum = 1 << 21;
    for (int at = low; at < high; ++at) {
      const double w = Weight((at - centre + 0.5) * ss, filter) / total * (1 << 22);
      sum += static_cast<int64_t>(static_cast<int>(w + (w < 0 ? -0.5 : 0.5))) *
             in[static_cast<size_t>(at)];
    }
    out.push_back(static_cast<uint8_t>(std::clamp<int64_t>(sum >> 22, 0, 255)));
  }
  return out;
}

Image SlowResize(const Image& image, int width, int height, ResizeFilter filter) {
  const auto at = [](const Image& from, int x, int y, int c) {
    return from.rgb[static_cast<size_t>((y * from.width_px + x) * 3 + c)];
  };
  Image narrow{.width_px = width, .height_px = image.height_px, .rgb = {}};
  narrow.rgb.resize(static_cast<size_t>(width * image.height_px * 3));
  for (int y = 0; y < image.height_px; ++y) {
    for (int c = 0; c < 3; ++c) {
      std::vector<uint8_t> line;
      for (int x = 0; x < image.width_px; ++x) line.push_back(at(image, x, y, c));
      if (width != image.width_px) line = SlowLine(line, width, filter);
      for (int x = 0; x < width; ++x) {
        narrow.rgb[static_cast<size_t>((y * width + x) * 3 + c)] = line[static_cast<size_t>(x)];
      }
    }
  }
  Image out{.width_px = width, .height_px = height, .rgb = {}};
  out.rgb.resize(static_cast<size_t>(width * height * 3));
  for (int x = 0; x < width; ++x) {
    for (int c = 0; c < 3; ++c) {
      std::vector<uint8_t> line;
      for (int y = 0; y < image.height_px; ++y) line.push_back(at(narrow, x, y, c));
      if (height != image.height_px) line = SlowLine(line, height, filter);
      for (int y = 0; y < height; ++y) {
        out.rgb[static_cast<size_t>((y * width + x) * 3 + c)] = line[static_cast<size_t>(y)];
      }
    }
  }
  return out;
}

TEST(ResizeTest, EqualsTheSlowVersionAtOddSizes) {
  struct Case {
    int width, height, to_width, to_height;
  };
  for (const auto& [width, height, to_width, to_height] :
       {Case{1, 1, 7, 5}, Case{3, 5, 4, 4}, Case{1, 90, 3, 7}, Case{97, 1, 5, 3},
        Case{64, 48, 13, 11}, Case{65, 49, 64, 49}, Case{30, 40, 30, 17}, Case{17, 31, 40, 50},
        Case{200, 3, 2, 9}, Case{2, 2, 1, 1}, Case{3, 7, 1, 7}, Case{40, 9, 39, 3},
        Case{9, 70, 11, 5}}) {
    const Image image = Pattern(width, height);
    for (const ResizeFilter filter : {ResizeFilter::kBicubic, ResizeFilter::kBilinear}) {
      const Image slow = SlowResize(image, to_width, to_height, filter);
      EXPECT_EQ(Resize(image, to_width, to_height, filter).rgb, slow.rgb);
      for (const ResizePasses& passes : AvailablePasses()) {
        EXPECT_EQ(ResizeBy(passes, image, to_width, to_height, filter).rgb, slow.rgb)
            << width << "x" << height << " to " << to_width << "x" << to_height << " by "
            << passes.name;
      }
    }
  }
}

// Recorded from Pillow: Image.fromarray(a).resize((2, 2), BICUBIC) for the 4 x 3 image whose bytes
// count 0, 7, 14, ... modulo 256.
TEST(ResizeTest, EqualsPillowOnARecordedImage) {
  Image image{.width_px = 4, .height_px = 3, .rgb = {}};
  for (int byte = 0; byte < 36; ++byte) image.rgb.push_back(static_cast<uint8_t>(byte * 7 % 256));
  EXPECT_THAT(Resize(image, 2, 2).rgb,
              ::testing::ElementsAre(38, 45, 52, 77, 84, 91, 154, 161, 168, 193, 200, 207));
}

TEST(ResizeTest, SameSizeKeepsEveryPixel) {
  const Image image = Pattern(9, 4);
  EXPECT_EQ(Resize(image, 9, 4).rgb, image.rgb);
}

TEST(NormaliseTest, RunsFromMinusOneToOneByTheStatedRounding) {
  const Image image{.width_px = 2, .height_px = 1, .rgb = {0, 128, 255, 1, 2, 3}};
  const auto expected = [](int value) {
    return (static_cast<float>(value * (1 / 255.0)) - 0.5f) / 0.5f;
  };
  EXPECT_THAT(Normalise(image), ::testing::ElementsAre(-1.f, expected(1), expected(128),
                                                       expected(2), 1.f, expected(3)));
}

TEST(LoadPixelsTest, GivesEachCameraItsOwnPlace) {
  Frame frame;
  frame.token = "made";
  for (size_t index = 0; index < 6; ++index) {
    Image image{.width_px = 4, .height_px = 4, .rgb = std::vector<uint8_t>(48)};
    std::fill(image.rgb.begin(), image.rgb.end(), static_cast<uint8_t>(index * 51));
    frame.images[index].bytes = EncodePng(image);
  }
  const std::vector<float> pixels = LoadPixels(frame, 2);
  ASSERT_EQ(pixels.size(), 6u * 3 * 2 * 2);
  for (size_t index = 0; index < 6; ++index) {
    for (size_t at = 0; at < 12; ++at) {
      EXPECT_NEAR(pixels[index * 12 + at], -1 + 0.4 * static_cast<double>(index), 1e-6);
    }
  }
}

TEST(LoadPixelsTest, ListsEveryImageThatIsBad) {
  Frame frame;
  frame.token = "made";
  for (CameraImage& image : frame.images) image.bytes = EncodePng(Pattern(4, 4));
  frame.images[1].bytes = "GIF89a";
  frame.images[4].bytes.resize(20);
  try {
    LoadPixels(frame, 2);
    FAIL() << "two bad images were accepted";
  } catch (const DataError& error) {
    EXPECT_STREQ(
        error.what(),
        "frame made: 2 of 6 images cannot be used:\n"
        "  - made/CAM_FRONT_RIGHT: starts with 47 49 46 38 39 61, which is neither JPEG "
        "(ff d8 ff) nor PNG (89 50 4e 47 0d 0a 1a 0a). Save the image as one of the two.\n"
        "  - made/CAM_BACK_LEFT: damaged or unsupported PNG: end of stream. Fetch the file "
        "again.");
  }
}

}  // namespace
}  // namespace occvla::data

#include "occvla/view/base64.h"

#include <gtest/gtest.h>

namespace occvla::view {
namespace {

// RFC 4648, section 10.
TEST(Base64Test, EncodesTheStandardsOwnExamples) {
  EXPECT_EQ(Base64(""), "");
  EXPECT_EQ(Base64("f"), "Zg==");
  EXPECT_EQ(Base64("fo"), "Zm8=");
  EXPECT_EQ(Base64("foo"), "Zm9v");
  EXPECT_EQ(Base64("foob"), "Zm9vYg==");
  EXPECT_EQ(Base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(Base64("foobar"), "Zm9vYmFy");
}

TEST(Base64Test, EncodesBytesAboveAscii) {
  EXPECT_EQ(Base64(std::string("\xff\x00\xfb", 3)), "/wD7");
}

}  // namespace
}  // namespace occvla::view

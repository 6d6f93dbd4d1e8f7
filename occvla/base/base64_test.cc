#include "occvla/base/base64.h"

#include <gtest/gtest.h>

namespace occvla {
namespace {

// RFC 4648, section 10.
TEST(Base64Test, WritesAndReadsTheExamplesOfTheRfc) {
  const std::pair<const char*, const char*> examples[] = {{"", ""},
                                                          {"f", "Zg=="},
                                                          {"fo", "Zm8="},
                                                          {"foo", "Zm9v"},
                                                          {"foob", "Zm9vYg=="},
                                                          {"fooba", "Zm9vYmE="},
                                                          {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : examples) {
    EXPECT_EQ(EncodeBase64(bytes), text);
    EXPECT_EQ(DecodeBase64(text), bytes);
  }
}

TEST(Base64Test, WritesBytesAboveAscii) {
  EXPECT_EQ(EncodeBase64(std::string("\xff\x00\xfb", 3)), "/wD7");
}

TEST(Base64Test, RefusesWhatIsNotPaddedBase64) {
  for (const auto* text : {"Zg=", "Zg", "Z===", "=Zg=", "Zm9v\n", " Zm9v", "Zm-_", "Zm=v", "===="})
    EXPECT_EQ(DecodeBase64(text), std::nullopt) << text;
}

}  // namespace
}  // namespace occvla

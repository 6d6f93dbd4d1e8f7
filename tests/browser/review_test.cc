// Label review in a real browser, by keyboard: tests/browser/review.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>

#include "occvla/base/test_folder.h"

namespace occvla::tests {
namespace {

TEST(ReviewPageTest, TenLabelsReviewedByKeyboardAreInTheStoreAfterAKillAndARestart) {
#ifndef PROGRAM
  GTEST_SKIP() << "this build leaves the program out";
#else
  const TestFolder folder;
  const std::string line = "python3 '" + std::string(REPOSITORY "/tests/browser/review.py") +
                           "' '" PROGRAM "' '" + folder.path().string() + "' 2>&1";
  FILE* pipe = popen(line.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string text;
  std::array<char, 4096> buffer;
  while (const size_t n = fread(buffer.data(), 1, buffer.size(), pipe))
    text.append(buffer.data(), n);
  const int status = pclose(pipe);
  if (text.starts_with("skipped")) GTEST_SKIP() << text;
  EXPECT_EQ(status, 0) << text;
  EXPECT_THAT(text, ::testing::HasSubstr("checks passed"));
#endif
}

}  // namespace
}  // namespace occvla::tests

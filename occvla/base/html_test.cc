#include "occvla/base/html.h"

#include <gtest/gtest.h>

namespace occvla {
namespace {

TEST(HtmlTest, TextIsNoMarkup) {
  EXPECT_EQ(HtmlText("<a b=\"c\">&amp;"), "&lt;a b=&quot;c&quot;&gt;&amp;amp;");
}

}  // namespace
}  // namespace occvla

#include "occvla/serve/refusal.h"

#include <gtest/gtest.h>
#include <httplib.h>

#include "occvla/base/error.h"

namespace occvla::serve {
namespace {

template <typename Error>
Answerable Of(const Error& error) {
  return RefusalOf(std::make_exception_ptr(error));
}

TEST(RefusalTest, AComplaintAboutTheRequestNamesItsField) {
  const auto refusal = Of(ConfigError("request: a.b[2] must be a string, but is 3")).refusal;
  EXPECT_EQ(refusal.status(), 400);
  EXPECT_EQ(refusal.param(), "a.b[2]");
  EXPECT_STREQ(refusal.what(), "a.b[2] must be a string, but is 3");
  EXPECT_EQ(Of(ConfigError("request: a has the unknown field \"x\"")).refusal.param(), "a.x");
  EXPECT_EQ(Of(ConfigError("request: the document lacks the field \"y\"")).refusal.param(), "y");
  EXPECT_EQ(Of(ConfigError("request: not usable as JSON at byte 3: ...")).refusal.param(), "");
  EXPECT_EQ(Of(ConfigError("the prompt is too long")).refusal.param(), "");
}

TEST(RefusalTest, WhatTheMachineCausesGoesToTheLogAlone) {
  const auto data = Of(DataError("/srv/a.jpg: is cut off"));
  EXPECT_EQ(data.refusal.status(), 500);
  EXPECT_STREQ(data.refusal.what(), "the server's own files of this frame cannot be used");
  EXPECT_EQ(data.log, "/srv/a.jpg: is cut off");
  EXPECT_EQ(Of(DeviceError("out of memory")).refusal.status(), 503);
  EXPECT_EQ(Of(BusyError("stopped")).refusal.status(), 503);
  EXPECT_EQ(Of(CheckpointError("/srv/m: NaN")).refusal.status(), 500);
  EXPECT_STREQ(Of(std::logic_error("0x1")).refusal.what(), "a fault of the server");
}

TEST(RefusalTest, ATimeToComeBackIsAHeader) {
  httplib::Response response;
  SendRefusal(response, {429, "full", "rate_limit_error", "", 7});
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(response.get_header_value("Retry-After"), "7");
}

}  // namespace
}  // namespace occvla::serve

#include "occvla/serve/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/base/error.h"

namespace occvla::serve {
namespace {

TEST(HttpServerTest, APortThatIsTakenIsRefused) {
  HttpServer first, second;
  const int port = first.Bind("127.0.0.1", 0);
  first.Start();
  try {
    second.Bind("127.0.0.1", port);
    FAIL() << "two servers share a port";
  } catch (const DeviceError& error) {
    EXPECT_EQ(error.what(), "cannot listen at 127.0.0.1:" + std::to_string(port) +
                                ": the port is taken, or the address is not this machine's. "
                                "Choose another with --port and --host; --port 0 takes a free "
                                "one.");
  }
  first.Stop(0);
}

}  // namespace
}  // namespace occvla::serve

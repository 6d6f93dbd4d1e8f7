#include "occvla/serve/viewer/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// Before httplib.h, whose system headers define a macro _res, which is a name in Eigen.
#include <Eigen/Geometry>

#include <httplib.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "occvla/serve/viewer/source.h"
#include "occvla/serve/viewer/test_town.h"

namespace occvla::serve {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// The viewer's routes over a town with one run.
class ViewerRoutesTest : public ::testing::Test {
 protected:
  ViewerRoutesTest() {
    town_.WriteOccupancy(0);
    town_.made.WriteFiles(town_.Root());
    source_ = std::make_unique<viewer::Source>(
        town_.Open(), viewer::SourceOptions{.name = "town", .runs = {town_.WriteRun("r", {0}, 2)}});
    AddViewerRoutes(server_, *source_);
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~ViewerRoutesTest() override {
    server_.stop();
    thread_.join();
  }

  httplib::Result Get(const std::string& path, const httplib::Headers& headers = {}) {
    return httplib::Client("127.0.0.1", port_).Get(path, headers);
  }
  std::string Frame(size_t keyframe) const { return "/v1/frames/" + town_.Token(keyframe); }
  static std::string Param(const httplib::Result& answer) {
    return nlohmann::json::parse(answer->body)["error"]["param"].dump();
  }

  viewer::TestTown town_;
  std::unique_ptr<viewer::Source> source_;
  httplib::Server server_;
  std::thread thread_;
  int port_ = 0;
};

TEST_F(ViewerRoutesTest, ImagesAreTheFilesBytesAndAreNotSentTwice) {
  const auto answer = Get(Frame(0) + "/images/CAM_FRONT");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->get_header_value("Content-Type"), "image/png");
  EXPECT_THAT(answer->body, StartsWith("\x89PNG"));
  const auto again =
      Get(Frame(0) + "/images/CAM_FRONT", {{"If-None-Match", answer->get_header_value("ETag")}});
  EXPECT_EQ(again->status, 304);
  EXPECT_EQ(Get(Frame(0) + "/images/CAM_ROOF")->status, 404);
}

TEST_F(ViewerRoutesTest, AFileThatIsNoImageIsNotGivenOut) {
  const auto path = source_->FrameOf(town_.Token(0))->images[0].path;
  data::nuscenes::TestDataset::Write(path, "root:x:0:0");
  const auto answer = Get(Frame(0) + "/images/CAM_FRONT");
  EXPECT_EQ(answer->status, 422);
  EXPECT_THAT(answer->body, Not(HasSubstr("root")));
  EXPECT_THAT(answer->body, Not(HasSubstr(town_.Root().string())));
}

TEST_F(ViewerRoutesTest, AMissingFileSaysNothingAboutTheMachine) {
  std::filesystem::remove(source_->FrameOf(town_.Token(0))->images[0].path);
  const auto answer = Get(Frame(0) + "/images/CAM_FRONT");
  EXPECT_EQ(answer->status, 422);
  EXPECT_THAT(answer->body, Not(HasSubstr(town_.Root().string())));
}

TEST_F(ViewerRoutesTest, OccupancyIsALabelAVoxel) {
  const auto plain = Get(Frame(0) + "/occupancy", {{"Accept-Encoding", "identity"}});
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->status, 200);
  EXPECT_EQ(plain->body.size(), viewer::TestTown::kVoxels);
  const auto gzip = Get(Frame(0) + "/occupancy", {{"Accept-Encoding", "gzip"}});
  EXPECT_EQ(gzip->body, plain->body);  // The client expands it.
  EXPECT_EQ(Get(Frame(1) + "/occupancy")->status, 404);
  const auto bad = Get(Frame(0) + "/occupancy?mask=radar");
  EXPECT_EQ(bad->status, 400);
  EXPECT_EQ(Param(bad), "\"mask\"");
}

TEST_F(ViewerRoutesTest, PredictionsComeWithTheAnswersOfTheRun) {
  const auto answer = Get(Frame(0) + "/predictions?run=r");
  const auto json = nlohmann::json::parse(answer->body);
  EXPECT_EQ(json["trajectory"][5], nlohmann::json::parse("[12.0, 0.0]"));
  EXPECT_EQ(json["answers"], nlohmann::json::parse("[\"yes\"]"));
  EXPECT_EQ(Get(Frame(1) + "/predictions?run=r")->status, 404);
  const auto unknown = Get(Frame(0) + "/predictions?run=..");
  EXPECT_EQ(unknown->status, 404);
  EXPECT_EQ(Param(unknown), "\"run\"");
}

TEST_F(ViewerRoutesTest, UnknownNamesAreNotFound) {
  for (const char* path :
       {"/v1/frames/00000000000000000000000000000000", "/v1/frames/..%2f..%2fetc",
        "/v1/runs/metrics?run=x", "/v1/runs/compare?a=r&b=x", "/assets/../page.cc"})
    EXPECT_EQ(Get(path)->status, 404) << path;
  EXPECT_EQ(Get("/v1/runs/compare?a=r&b=r&by=colour")->status, 400);
  EXPECT_EQ(Get("/v1/runs/compare?a=r&b=r&by=voxels")->status, 200);
}

}  // namespace
}  // namespace occvla::serve

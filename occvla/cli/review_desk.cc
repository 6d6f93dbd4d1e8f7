#include "occvla/cli/review_desk.h"

#include <chrono>
#include <utility>

#include "occvla/data/nuscenes/dataset.h"

namespace occvla::cli {
namespace {

int64_t Now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace

std::unique_ptr<serve::review::Desk> OpenReviewDesk(
    std::shared_ptr<const data::nuscenes::Dataset> dataset, const ReviewInputs& inputs) {
  const auto& options = dataset->options();
  const auto usual = options.dataroot / options.version / "meta_actions.json";
  serve::review::DeskOptions desk{.store = inputs.store,
                                  .labels = inputs.labels.empty() ? usual : inputs.labels,
                                  .split = inputs.split,
                                  .now_ms = Now_ms};
  return std::make_unique<serve::review::Desk>(std::move(dataset), std::move(desk));
}

}  // namespace occvla::cli

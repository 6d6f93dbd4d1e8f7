#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "occvla/serve/review/desk.h"

namespace occvla::cli {

/// What a command line says of the review.
struct ReviewInputs {
  std::filesystem::path store;   ///< A SQLite file; made where there is none.
  std::filesystem::path labels;  ///< Proposals; empty = DATAROOT/VERSION/meta_actions.json.
  std::string split = "all";
};

/// Opens store and proposals for the data set. Throws DataError.
std::unique_ptr<serve::review::Desk> OpenReviewDesk(
    std::shared_ptr<const data::nuscenes::Dataset> dataset, const ReviewInputs& inputs);

}  // namespace occvla::cli

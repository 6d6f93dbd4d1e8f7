#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "occvla/serve/viewer/source.h"

namespace occvla::cli {

/// What a command line names to be looked at.
struct ViewerInputs {
  std::filesystem::path what;      ///< A data set's folder, or a run's.
  std::filesystem::path dataroot;  ///< Of a run; empty = where the run says that it was over.
  std::string version;             ///< Empty = the only one that the data set has.
  std::vector<std::filesystem::path> runs;  ///< Further runs over the same data set.
  std::vector<std::string> questions;       ///< Empty = `questions/*.json`, `omnidrive/` there.
};

/// Opens the data set and the runs. Throws ConfigError or DataError.
std::unique_ptr<serve::viewer::Source> OpenViewerSource(const ViewerInputs& inputs);

/// The data set's folder that holds `sample.json`: the only one below `dataroot`. Throws
/// ConfigError naming all of them when there are several, DataError when there is none.
std::string FindVersion(const std::filesystem::path& dataroot);

}  // namespace occvla::cli

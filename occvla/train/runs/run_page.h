#pragma once
#include <filesystem>
#include <string>

#include "occvla/train/runs/curves.h"
#include "occvla/train/runs/run_facts.h"

namespace occvla::train {

/// What a run's page shows.
struct RunPage {
  const RunOrigin& origin;
  const RunState& state;
  const Curves& curves;
  const std::string& config;      ///< TOML.
  std::filesystem::path samples;  ///< Folder of pictures; the latest are embedded.
};

/// One HTML file that needs nothing else: curves (values under the pointer, logarithmic scale,
/// smoothing), last and best values, facts, config, pictures; light and dark.
std::string ToHtml(const RunPage& page);

/// Makes `folder/report.html` from what lies in the folder; gives its path. Throws DataError when a
/// file of the run is absent or damaged.
std::filesystem::path WriteRunPage(const std::filesystem::path& folder);

}  // namespace occvla::train

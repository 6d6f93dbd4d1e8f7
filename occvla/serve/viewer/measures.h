#pragma once
#include <nlohmann/json_fwd.hpp>

namespace occvla::data::nuscenes {
class Dataset;
}

namespace occvla::serve::viewer {

class RunFolder;

/// What the metrics of a run rest on, frame by frame in the data set's order: [{"token", "scene",
/// "l2": [6 errors in metres, null where the scene has ended], "collision", "off_road" (of the
/// clean metric; null where it does not count), "velocity_right", "direction_right" (null without
/// label or prediction)}]. Frames that the run does not have are left out. Throws DataError.
nlohmann::ordered_json MeasureFrames(const data::nuscenes::Dataset& dataset, const RunFolder& run);

}  // namespace occvla::serve::viewer

#pragma once
#include <filesystem>
#include <memory>

#include "occvla/data/frame.h"
#include "occvla/data/prediction.h"

namespace occvla::view {

/// Predictions in the forms that other projects' evaluations read, into a folder that is made:
///
///   nuscenes.json      the devkit's `Prediction` records: [{"instance": "ego", "sample",
///                      "prediction": [[[x, y] x 6]], "probabilities": [1.0]}], positions in G
///   gpt-driver.json    {"<token>": [[x, y] x 6]}: where LIDAR_TOP goes, in its own axes at the key
///                      frame's time (x right, y ahead), absolute
///   gpt-driver.jsonl   a line a key frame as GPT-Driver keeps answers, {"token", "GPT"}: the text,
///                      then the same track with two decimals in the last line
///   sparseocc/<token>.npz   `pred` uint8 [200, 200, 16]
///
/// LIDAR_TOP sits ahead of the ego origin and turns with the car. A trajectory has no heading, so
/// the car's true one is used as the published evaluations do, or the last known one beyond the
/// scene's end: `eval planning --prediction-frame lidar` reads the file back
/// to the same numbers.
class PredictionFiles {
 public:
  explicit PredictionFiles(const std::filesystem::path& folder);
  ~PredictionFiles();

  /// Throws DataError where the frame has no ego pose or the trajectory is not finite.
  void Add(const data::Frame& frame, const data::Prediction& prediction);
  /// Gives the files their names. The npz files have theirs already.
  void Finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace occvla::view

#include "occvla/train/feed/feed_index.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <set>
#include <span>
#include <system_error>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"
#include "occvla/data/complaints.h"
#include "occvla/data/occ3d/layout.h"
#include "occvla/train/feed/question_draw.h"
#include "occvla/train/feed/question_files.h"

namespace occvla::train {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kStep_us = 500'000, kTolerance_us = 250'000;

std::string HashOf(const std::string& text) { return Sha256(std::as_bytes(std::span(text))); }

// Lines about frames and files; the hash of its hashes so far keeps the text short.
class Fingerprint {
 public:
  void Add(const std::string& line) {
    text_ += line + '\n';
    if (text_.size() > size_t{1} << 20) text_ = HashOf(text_) + '\n';
  }
  std::string Finish() const { return HashOf(text_); }

 private:
  std::string text_ = "occvla training data 1\n";
};

OpenedSet OpenSet(const FeedConfig& config, size_t at, int size_px) {
  data::nuscenes::DatasetOptions options;
  options.dataroot = config.dataroots[at];
  options.version = config.versions[at];
  options.occupancy = data::occ3d::FindScenes(options.dataroot);
  options.read_maps = false;
  OpenedSet opened{.dataset = data::nuscenes::Dataset::Open(options), .pack = {}};
  if (config.packs.empty() || config.packs[at].empty()) return opened;
  opened.pack = data::Pack::Open(config.packs[at]);
  if (opened.pack->size_px() != size_px) {
    throw ConfigError("data.packs: " + config.packs[at] + " holds images of " +
                      std::to_string(opened.pack->size_px()) + " px, but the model sees " +
                      std::to_string(size_px) +
                      " px. Pack again with that size, or leave the pack out.");
  }
  return opened;
}

std::vector<fs::path> QuestionPaths(const FeedConfig& config) {
  if (!config.questions.empty()) return {config.questions.begin(), config.questions.end()};
  std::vector<fs::path> paths;
  std::set<fs::path> known;
  for (size_t i = 0; i < config.dataroots.size(); ++i) {
    for (fs::path& path : QuestionFilesBeside(fs::path(config.dataroots[i]) / config.versions[i])) {
      std::error_code ignored;
      if (known.insert(fs::weakly_canonical(path, ignored)).second)
        paths.push_back(std::move(path));
    }
  }
  return paths;
}

// Name and size of a file, for the fingerprint.
std::string Describe(const fs::path& path, const std::string& token, data::Complaints& missing) {
  std::error_code error;
  const uint64_t size = fs::file_size(path, error);
  if (!error) return ' ' + path.filename().string() + ' ' + std::to_string(size);
  missing.Add(token + ": " + path.string(), "no such file");
  return ' ' + path.filename().string() + " absent";
}

std::string Bits(double value) { return ' ' + std::to_string(std::bit_cast<uint64_t>(value)); }

// One set's frames, looked at one by one.
class SetIndexer {
 public:
  SetIndexer(const FeedConfig& config, const FeedOptions& options, FeedIndex& index,
             Fingerprint& fingerprint, data::Complaints& missing)
      : config_(config),
        options_(options),
        index_(index),
        fingerprint_(fingerprint),
        missing_(missing) {}

  void Add(size_t set) {
    const OpenedSet& opened = index_.sets[set];
    const double weight = config_.weights.empty() ? 1.0 : config_.weights[set];
    fingerprint_.Add("data set " + config_.versions[set] + ", split " + config_.splits[set] +
                     ", weight" + Bits(weight));
    if (opened.pack)
      fingerprint_.Add("pack " + Sha256OfFile(fs::path(config_.packs[set]) / "pack.json"));
    FrameCounts& counts = index_.counts.emplace_back();
    index_.first.push_back(static_cast<uint32_t>(index_.frames.size()));
    const auto rows = opened.dataset.KeyFrames(config_.splits[set]);
    for (const size_t at : EvenlySpread(rows.size(), static_cast<size_t>(config_.most_frames))) {
      data::Frame frame = opened.dataset.FrameOf(rows[at]);
      ++counts.keyframes;
      if (!IsUsed(frame, counts)) continue;
      Describe(frame, opened);
      ++counts.used;
      index_.frames.push_back({static_cast<uint32_t>(set), rows[at], std::move(frame.token)});
    }
    counts.an_epoch = static_cast<size_t>(std::llround(weight * static_cast<double>(counts.used)));
  }

 private:
  // Counts everything that is missing, not only the first.
  bool IsUsed(const data::Frame& frame, FrameCounts& counts) const {
    const Wish& wish = options_.wish;
    bool used = true;
    const auto need = [&](bool wished, bool there, size_t& without) {
      if (!wished || there) return;
      ++without;
      used = false;
    };
    need(wish.occupancy, !frame.occupancy.empty(), counts.without_occupancy);
    need(wish.meta_action, frame.meta_action.has_value(), counts.without_meta_action);
    Example example;
    FillTrajectory(frame, example);
    const bool moves =
        std::find(example.valid.begin(), example.valid.end(), true) != example.valid.end();
    need(wish.trajectory, moves, counts.without_trajectory);
    if (wish.text) {
      const auto questions = index_.questions.Of(frame.token);
      need(true,
           std::any_of(questions.begin(), questions.end(),
                       [&](const auto& q) { return MayBeAsked(config_, q.kind); }),
           counts.without_text);
    }
    return used;
  }

  void Describe(const data::Frame& frame, const OpenedSet& opened) {
    std::string line = frame.token;
    if (options_.wish.images && opened.pack) {
      if (!opened.pack->Find(frame.token)) missing_.Add(frame.token, "not in the pack");
    } else if (options_.wish.images) {
      for (const data::CameraImage& image : frame.images)
        line += train::Describe(image.path, frame.token, missing_);
    }
    if (options_.wish.occupancy) line += train::Describe(frame.occupancy, frame.token, missing_);
    if (frame.meta_action) line += " " + data::ToString(*frame.meta_action);
    Example example;
    FillTrajectory(frame, example);
    for (size_t i = 0; i < example.valid.size(); ++i)
      if (example.valid[i])
        line += Bits(example.trajectory_E[i][0]) + Bits(example.trajectory_E[i][1]);
    for (const auto& p_E : frame.ego.past_positions_E) line += Bits(p_E[0]) + Bits(p_E[1]);
    fingerprint_.Add(line);
  }

  const FeedConfig& config_;  // Not owned, as all below; they outlive Add.
  const FeedOptions& options_;
  FeedIndex& index_;
  Fingerprint& fingerprint_;
  data::Complaints& missing_;
};

[[noreturn]] void ThrowNothingUsed(const FeedConfig& config, const FeedIndex& index) {
  data::Complaints complaints;
  for (size_t set = 0; set < index.counts.size(); ++set) {
    const FrameCounts& counts = index.counts[set];
    complaints.Add(
        config.dataroots[set] + "/" + config.versions[set] + ", split " + config.splits[set],
        "of " + std::to_string(counts.keyframes) + " keyframes " +
            std::to_string(counts.without_occupancy) + " have no occupancy, " +
            std::to_string(counts.without_text) + " no question that is asked, " +
            std::to_string(counts.without_trajectory) + " no future, " +
            std::to_string(counts.without_meta_action) + " no meta action");
  }
  complaints.Throw("no keyframe has all that this stage learns from",
                   "Make the labels (`occvla label`), or name where they lie.");
  throw DataError("no data set");  // Not reached: there is at least one, Validate says.
}

}  // namespace

FeedIndex OpenIndex(const FeedConfig& config, const FeedOptions& options) {
  FeedIndex index;
  Fingerprint fingerprint;
  for (size_t set = 0; set < config.dataroots.size(); ++set)
    index.sets.push_back(OpenSet(config, set, options.size_px));
  if (options.wish.text) {
    const std::vector<fs::path> paths = QuestionPaths(config);
    index.questions = data::QuestionStore::Open(paths);
    for (const fs::path& path : paths)
      for (const fs::path& file : FilesOf(path)) fingerprint.Add("questions " + Sha256OfFile(file));
  }
  data::Complaints missing;
  SetIndexer indexer(config, options, index, fingerprint, missing);
  for (size_t set = 0; set < index.sets.size(); ++set) indexer.Add(set);
  if (!config.skip_damaged)
    missing.Throw("files of the training data",
                  "Fetch them again, or set data.skip_damaged to go on without.");
  if (index.frames.empty()) ThrowNothingUsed(config, index);
  index.fingerprint = fingerprint.Finish();
  return index;
}

void FillTrajectory(const data::Frame& frame, Example& example) {
  if (!frame.now) return;
  const geom::Pose X_EG = frame.now->X_GE.inverse();
  for (size_t i = 0; i < frame.future.size() && frame.future[i]; ++i) {
    const int64_t ahead_us = frame.future[i]->timestamp_us - frame.now->timestamp_us;
    if (std::abs(ahead_us - static_cast<int64_t>(i + 1) * kStep_us) > kTolerance_us) continue;
    const Eigen::Vector3d p_E = X_EG * frame.future[i]->X_GE.translation();
    example.trajectory_E[i] = {p_E.x(), p_E.y()};
    example.valid[i] = true;
  }
}

}  // namespace occvla::train

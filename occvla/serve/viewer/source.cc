#include "occvla/serve/viewer/source.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/json.h"
#include "occvla/base/text.h"
#include "occvla/data/occ3d/labels.h"
#include "occvla/data/text/chain_of_thought.h"
#include "occvla/serve/viewer/compare.h"
#include "occvla/serve/viewer/frame_json.h"
#include "occvla/serve/viewer/measures.h"
#include "occvla/serve/viewer/run_folder.h"
#include "occvla/view/frame_sheet.h"

namespace occvla::serve::viewer {
namespace {

namespace fs = std::filesystem;
using data::nuscenes::Row;
using Json = nlohmann::ordered_json;

constexpr size_t kMostLabelBytes = size_t{512} << 20;

std::vector<std::string> SortedTokens(const data::nuscenes::Dataset* dataset) {
  std::vector<std::string> tokens;
  if (dataset == nullptr) return tokens;
  for (const auto& sample : dataset->tables().rows().sample)
    tokens.push_back(sample.token.ToString());
  std::sort(tokens.begin(), tokens.end());
  return tokens;
}

/// The folder's name, with a number where another run has it already.
std::string NameOf(const fs::path& folder, const std::set<std::string>& taken) {
  const fs::path whole = fs::weakly_canonical(folder);
  const std::string base = whole.filename().empty() ? "run" : whole.filename().string();
  std::string name = Printable(base, 80);
  for (int number = 2; taken.count(name) > 0; ++number)
    name = Printable(base, 80) + "-" + std::to_string(number);
  return name;
}

}  // namespace

struct Source::Impl {
  std::shared_ptr<const data::nuscenes::Dataset> dataset;
  std::string name;
  std::vector<RunFolder> runs;
  std::unordered_map<std::string, data::CotLabel> chains;  // By token.
  Json evidence = Json::object();                          // By token, as its file has it.

  std::mutex mutex;  // Guards what follows.
  std::map<std::string, std::shared_ptr<const Json>> metrics;
  VoxelDifferences voxels;

  void ReadChains(const fs::path& folder);
  void ReadEvidence(const fs::path& labels);
  Json SceneToJson(Row scene) const;
  Json PlaceInScene(Row sample) const;
};

void Source::Impl::ReadChains(const fs::path& folder) {
  const auto path = folder / "chain_of_thought.json";
  if (!fs::exists(path)) return;
  data::Complaints complaints;
  data::ReadChainOfThought(
      ReadTextFile(path, kMostLabelBytes), path.string(),
      [&](const data::CotLabel& label) { chains.emplace(label.token, label); }, complaints);
  complaints.Throw("The labels of the chain of thought", "Make them again by `occvla label cot`.");
}

void Source::Impl::ReadEvidence(const fs::path& labels) {
  fs::path path = labels;
  path.replace_extension(".evidence.json");
  if (!fs::exists(path)) return;
  const auto document = ReadJsonFile(path, {.max_bytes = kMostLabelBytes});
  const JsonNode root(document, path.string());
  const auto node = root.At("labels");
  if (!node.is_object()) node.Fail("must be an object of tokens");
  evidence = node.json();
}

Json Source::Impl::SceneToJson(Row scene) const {
  const auto& tables = dataset->tables();
  const auto& row = tables.rows().scene[scene];
  Json frames = Json::array();
  for (Row sample = row.first_sample; sample != data::nuscenes::kNoRow;
       sample = tables.rows().sample[sample].next)
    frames.push_back(tables.rows().sample[sample].token.ToString());
  const auto location = tables.Text(tables.rows().log[row.log].location);
  return {{"token", row.token.ToString()},
          {"name", tables.Text(row.name)},
          {"description", tables.Text(row.description)},
          {"location", location},
          {"frames", frames}};
}

Json Source::Impl::PlaceInScene(Row sample) const {
  const auto& tables = dataset->tables();
  const auto& rows = tables.rows();
  const auto& row = rows.sample[sample];
  int64_t index = 0;
  for (Row at = row.previous; at != data::nuscenes::kNoRow; at = rows.sample[at].previous) ++index;
  const auto token = [&](Row at) {
    return at == data::nuscenes::kNoRow ? Json(nullptr) : Json(rows.sample[at].token.ToString());
  };
  return {{"index", index},
          {"count", rows.scene[row.scene].sample_count},
          {"previous", token(row.previous)},
          {"next", token(row.next)},
          {"description", tables.Text(rows.scene[row.scene].description)}};
}

Source::Source(std::shared_ptr<const data::nuscenes::Dataset> dataset, const SourceOptions& options)
    : impl_(std::make_unique<Impl>()) {
  impl_->dataset = std::move(dataset);
  impl_->name = options.name;
  const auto tokens = SortedTokens(impl_->dataset.get());
  std::set<std::string> names;
  for (const auto& folder : options.runs) {
    RunFolder run(NameOf(folder, names), folder, tokens);
    if (run.replies().empty() && run.unknown() > 0) {
      throw DataError(folder.string() + ": its " + std::to_string(run.unknown()) +
                      " predictions are all of frames that this data set does not have. Name the "
                      "data set that the run was over.");
    }
    names.insert(run.name());
    impl_->runs.push_back(std::move(run));
  }
  if (!impl_->dataset) return;
  const auto& opened = impl_->dataset->options();
  const auto folder = opened.dataroot / opened.version;
  impl_->ReadChains(folder);
  impl_->ReadEvidence(opened.meta_actions.empty() ? folder / "meta_actions.json"
                                                  : opened.meta_actions);
}

Source::~Source() = default;

std::optional<data::Frame> Source::FrameOf(std::string_view token) const {
  const auto parsed = data::nuscenes::Token::Parse(token);
  if (!parsed || !impl_->dataset) return std::nullopt;
  const auto row = impl_->dataset->tables().FindSample(*parsed);
  if (!row) return std::nullopt;
  return impl_->dataset->FrameOf(*row);
}

const RunFolder* Source::FindRun(std::string_view name) const {
  for (const auto& run : impl_->runs)
    if (run.name() == name) return &run;
  return nullptr;
}

size_t Source::run_count() const { return impl_->runs.size(); }

Json Source::Overview() const {
  Json overview{{"datasets", Json::array()}, {"runs", Json::array()}};
  if (impl_->dataset) {
    Json scenes = Json::array();
    for (const Row scene : impl_->dataset->Scenes("all"))
      scenes.push_back(impl_->SceneToJson(scene));
    overview["datasets"].push_back({{"name", impl_->name},
                                    {"version", impl_->dataset->options().version},
                                    {"scenes", scenes}});
  }
  for (const auto& run : impl_->runs) {
    size_t occupancy = 0;
    for (const auto& [token, reply] : run.replies()) occupancy += run.HasOccupancy(token) ? 1 : 0;
    overview["runs"].push_back(
        {{"name", run.name()}, {"frames", run.replies().size()}, {"occupancy", occupancy}});
  }
  return overview;
}

std::optional<Json> Source::FrameJson(std::string_view token) const {
  const auto frame = FrameOf(token);
  if (!frame) return std::nullopt;
  Json json = FrameToJson(*frame);
  const auto row = impl_->dataset->tables().FindSample(*data::nuscenes::Token::Parse(token));
  json["place"] = impl_->PlaceInScene(*row);
  const auto evidence = impl_->evidence.find(frame->token);
  json["evidence"] = evidence == impl_->evidence.end() ? Json(nullptr) : *evidence;
  const auto chain = impl_->chains.find(frame->token);
  json["chain_of_thought"] =
      chain == impl_->chains.end() ? Json(nullptr) : ChainOfThoughtToJson(chain->second);
  json["runs"] = Json::array();
  for (const auto& run : impl_->runs) {
    if (run.Find(frame->token) == nullptr) continue;
    json["runs"].push_back({{"name", run.name()}, {"occupancy", run.HasOccupancy(frame->token)}});
  }
  return json;
}

std::optional<std::string> Source::Occupancy(const data::Frame& frame, const RunFolder* run,
                                             Mask mask) const {
  std::vector<uint8_t> voxels;
  if (run != nullptr) {
    auto grid = run->ReadOccupancy(frame.token);
    if (!grid) return std::nullopt;
    voxels = std::move(grid->labels);
  }
  if (run == nullptr || mask != Mask::kNone) {
    if (frame.occupancy.empty()) return std::nullopt;
    auto labels = data::occ3d::ReadLabels(frame.occupancy);
    if (run != nullptr) labels.semantics = std::move(voxels);
    voxels = view::ShownVoxels(labels, mask == Mask::kNone     ? view::VoxelsShown::kAll
                                       : mask == Mask::kCamera ? view::VoxelsShown::kSeenByCameras
                                                               : view::VoxelsShown::kSeenByLidar)
                 .labels;
  }
  return std::string(voxels.begin(), voxels.end());
}

std::shared_ptr<const Json> Source::Metrics(const RunFolder& run) const {
  const std::scoped_lock lock(impl_->mutex);
  auto& kept = impl_->metrics[run.name()];
  if (!kept) {
    Json json{{"run", run.name()},
              {"reports", run.ReadReports()},
              {"frames", impl_->dataset ? MeasureFrames(*impl_->dataset, run) : Json::array()}};
    kept = std::make_shared<const Json>(std::move(json));
  }
  return kept;
}

Json Source::Compare(const RunFolder& a, const RunFolder& b, std::string_view by) const {
  auto differences = CompareReplies(a, b);
  if (by == "voxels") {
    const std::scoped_lock lock(impl_->mutex);
    impl_->voxels.AddTo(differences, a, b);
  }
  Sort(differences, by);
  Json frames = Json::array();
  for (const auto& one : differences) {
    const auto row = impl_->dataset->tables().FindSample(*data::nuscenes::Token::Parse(one.token));
    const auto& tables = impl_->dataset->tables();
    Json json = ToJson(one, by);
    json["scene"] = tables.Text(tables.rows().scene[tables.rows().sample[*row].scene].name);
    frames.push_back(std::move(json));
  }
  return {{"a", a.name()}, {"b", b.name()}, {"by", by}, {"frames", frames}};
}

}  // namespace occvla::serve::viewer

#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/nuscenes/tables.h"
#include "occvla/label/review_labels.h"
#include "occvla/label/review_store.h"

namespace occvla::data::nuscenes {
class Dataset;
}

namespace occvla::serve::review {

struct DeskOptions {
  std::filesystem::path store;   ///< A SQLite file; made where there is none.
  std::filesystem::path labels;  ///< The proposals, as `label meta-actions` writes them.
  std::string split = "all";
  std::function<int64_t()> now_ms;  ///< Milliseconds since 1970.
};

/// What a person decided about one keyframe, as it came in.
struct Judgement {
  label::Verdict verdict = label::Verdict::kAccept;
  data::MetaAction proposed;  ///< What the person was shown.
  std::optional<data::MetaAction> changed_to;
  std::string comment, who;
};

/// Where a page of the list starts, how long it is, and what is on it.
struct ItemQuery {
  label::ReviewFilter filter;
  size_t offset = 0, limit = 1000;
};

/// The desk at which people review proposed meta actions: the keyframes of a split that have a
/// proposal, the store of decisions, and what the page shows of both. Any thread may use it.
class Desk {
 public:
  /// Throws DataError for proposals or a store that cannot be read, and where no keyframe of the
  /// split has a proposal.
  Desk(std::shared_ptr<const data::nuscenes::Dataset> dataset, DeskOptions options);

  /// {"items": [{"token", "scene", "index", "proposed", "verdict", "label", "who", "comments"}],
  /// "total", "offset", "progress"}; `total` counts what passes the filter. What other processes
  /// decided meanwhile is seen.
  nlohmann::ordered_json Items(const ItemQuery& query);

  /// One of them, with "frames" (of its scene), "history", "evidence" (null without) and "route":
  /// where the car was at the scene's keyframes, [x, y] in this keyframe's E, null where unknown.
  /// Nothing for a token that has no proposal here.
  std::optional<nlohmann::ordered_json> Item(std::string_view token);

  /// Whether a label, or this one, is proposed for the keyframe.
  bool Has(std::string_view token) const { return places_.find(token) != places_.end(); }
  bool Proposes(std::string_view token, const data::MetaAction& action) const;

  /// Records it and gives {"item", "progress"}. When it returns, the decision is on the disk.
  /// Nothing for an unknown token. Throws ConfigError for a judgement that breaks the store's
  /// rules; BusyError, DeviceError and DataError as ReviewStore does.
  std::optional<nlohmann::ordered_json> Record(std::string_view token, const Judgement& judgement);

 private:
  struct Place {
    data::nuscenes::Row sample = data::nuscenes::kNoRow;
    std::string scene;
    size_t index = 0, frames = 0;  ///< Keyframe `index` of the scene's `frames`.
  };

  void ReadEvidence();
  label::ReviewState StateOf(const std::string& token) const;
  nlohmann::ordered_json ItemJson(const std::string& token, const data::MetaAction& proposed) const;
  nlohmann::ordered_json ProgressJson() const;
  nlohmann::ordered_json RouteJson(const Place& place) const;

  const std::shared_ptr<const data::nuscenes::Dataset> dataset_;
  const DeskOptions options_;
  label::LabelMap proposals_;        ///< Of the split's keyframes.
  std::vector<std::string> tokens_;  ///< Those keyframes, by scene and time.
  std::map<std::string, Place, std::less<>> places_;
  std::map<std::string, std::string> evidence_;  ///< JSON by token.

  std::mutex mutex_;  ///< Guards what follows.
  label::ReviewStore store_;
  std::map<std::string, label::ReviewState> states_;
};

}  // namespace occvla::serve::review

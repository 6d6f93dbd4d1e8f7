#include "occvla/serve/review/desk.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/json.h"
#include "occvla/data/nuscenes/dataset.h"
#include "occvla/label/meta_action_set.h"

namespace occvla::serve::review {
namespace {

using Json = nlohmann::ordered_json;
using data::nuscenes::Row;

constexpr size_t kMostEvidenceBytes = size_t{256} << 20;

Json RecordJson(const label::Decision& decision) {
  Json json = {{"verdict", label::NameOf(decision.verdict)},
               {"proposed", data::ToString(decision.proposed)},
               {"who", decision.who},
               {"when", label::UtcText(decision.when_ms)}};
  if (decision.changed_to) json["changed_to"] = data::ToString(*decision.changed_to);
  if (!decision.comment.empty()) json["comment"] = decision.comment;
  return json;
}

}  // namespace

Desk::Desk(std::shared_ptr<const data::nuscenes::Dataset> dataset, DeskOptions options)
    : dataset_(std::move(dataset)),
      options_(std::move(options)),
      store_(options_.store, label::ReviewStore::Missing::kCreate) {
  label::LabelMap all = label::ReadLabels(options_.labels);
  const auto& rows = dataset_->tables().rows();
  std::string scene;
  size_t index = 0;
  for (const Row sample : dataset_->KeyFrames(options_.split)) {
    const auto& row = rows.sample[sample];
    std::string name(dataset_->tables().Text(rows.scene[row.scene].name));
    index = name == scene ? index + 1 : 0;
    scene = std::move(name);
    const std::string token = row.token.ToString();
    auto proposal = all.extract(token);
    if (proposal.empty()) continue;
    proposals_.insert(std::move(proposal));
    tokens_.push_back(token);
    places_.emplace(token, Place{sample, scene, index,
                                 static_cast<size_t>(rows.scene[row.scene].sample_count)});
  }
  if (tokens_.empty()) {
    throw DataError(options_.labels.string() + ": proposes nothing for the keyframes of split " +
                    options_.split + ". Make proposals with `occvla label meta-actions`.");
  }
  ReadEvidence();
  states_ = store_.States();
}

// Evidence is kept as text: as trees it would fill hundreds of megabytes for all of nuScenes.
void Desk::ReadEvidence() {
  const auto path = label::EvidencePath(options_.labels);
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return;
  const auto document = ReadJsonFile(path, {.max_bytes = kMostEvidenceBytes, .max_depth = 8});
  const auto labels = JsonNode(document, path.string()).At("labels");
  for (const auto& [token, value] : labels.json().items())
    if (places_.count(token) != 0) evidence_.emplace(token, value.dump());
}

label::ReviewState Desk::StateOf(const std::string& token) const {
  const auto found = states_.find(token);
  return found == states_.end() ? label::ReviewState{} : found->second;
}

Json Desk::ItemJson(const std::string& token, const data::MetaAction& proposed) const {
  const label::ReviewState state = StateOf(token);
  const Place& place = places_.find(token)->second;
  const bool decided = state.decision.has_value();
  return {{"token", token},
          {"scene", place.scene},
          {"index", place.index},
          {"proposed", data::ToString(proposed)},
          {"verdict", decided ? label::NameOf(state.decision->verdict) : "undecided"},
          {"label", data::ToString(state.label().value_or(proposed))},
          {"who", decided ? Json(state.decision->who) : Json(nullptr)},
          {"comments", state.comments}};
}

Json Desk::ProgressJson() const {
  size_t accepted = 0, changed = 0, comments = 0;
  for (const std::string& token : tokens_) {
    const auto found = states_.find(token);
    if (found == states_.end()) continue;
    comments += found->second.comments > 0;
    if (!found->second.decision) continue;
    ++(found->second.decision->verdict == label::Verdict::kChange ? changed : accepted);
  }
  return {{"keyframes", tokens_.size()},
          {"decided", accepted + changed},
          {"accepted", accepted},
          {"changed", changed},
          {"commented", comments}};
}

Json Desk::Items(const ItemQuery& query) {
  const std::lock_guard lock(mutex_);
  states_ = store_.States();
  const auto items = label::ListReviews(tokens_, proposals_, states_, query.filter);
  Json page = Json::array();
  const size_t start = std::min(query.offset, items.size());
  const size_t end = std::min(items.size() - start, query.limit) + start;
  for (size_t at = start; at < end; ++at)
    page.push_back(ItemJson(items[at].sample_token, items[at].proposed));
  return {{"items", std::move(page)},
          {"total", items.size()},
          {"offset", start},
          {"progress", ProgressJson()}};
}

Json Desk::RouteJson(const Place& place) const {
  const auto& rows = dataset_->tables().rows();
  const auto here = dataset_->FrameOf(place.sample);
  Json route = Json::array();
  Row sample = rows.scene[rows.sample[place.sample].scene].first_sample;
  for (size_t step = 0; step < place.frames; ++step, sample = rows.sample[sample].next) {
    const auto there = dataset_->FrameOf(sample);
    if (!here.now || !there.now) {
      route.push_back(nullptr);
      continue;
    }
    const Eigen::Vector3d p_E = (here.now->X_GE.inverse() * there.now->X_GE).translation();
    const auto centimetres = [](double metres) { return std::round(metres * 100) / 100; };
    route.push_back({centimetres(p_E.x()), centimetres(p_E.y())});
  }
  return route;
}

std::optional<Json> Desk::Item(std::string_view token) {
  const auto place = places_.find(token);
  if (place == places_.end()) return std::nullopt;
  Json route = RouteJson(place->second);
  const std::lock_guard lock(mutex_);
  const auto history = store_.HistoryOf(token);
  states_[place->first] = label::Play(history);
  Json item = ItemJson(place->first, proposals_.at(place->first));
  item["frames"] = place->second.frames;
  item["history"] = Json::array();
  for (const label::Decision& decision : history) item["history"].push_back(RecordJson(decision));
  const auto evidence = evidence_.find(place->first);
  item["evidence"] = evidence == evidence_.end() ? Json(nullptr) : Json::parse(evidence->second);
  item["route"] = std::move(route);
  return item;
}

bool Desk::Proposes(std::string_view token, const data::MetaAction& action) const {
  const auto found = proposals_.find(std::string(token));
  return found != proposals_.end() && found->second == action;
}

std::optional<Json> Desk::Record(std::string_view token, const Judgement& judgement) {
  const auto place = places_.find(token);
  if (place == places_.end()) return std::nullopt;
  const label::Decision decision{.sample_token = place->first,
                                 .proposed = judgement.proposed,
                                 .verdict = judgement.verdict,
                                 .changed_to = judgement.changed_to,
                                 .comment = judgement.comment,
                                 .who = judgement.who,
                                 .when_ms = options_.now_ms()};
  const std::lock_guard lock(mutex_);
  store_.Add({&decision, 1});
  states_[place->first] = label::Play(store_.HistoryOf(token));
  return Json{{"item", ItemJson(place->first, proposals_.at(place->first))},
              {"progress", ProgressJson()}};
}

}  // namespace occvla::serve::review

#include "occvla/serve/predict_reply.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace occvla::serve {
namespace {

using Json = nlohmann::ordered_json;

std::string Event(const char* name, const std::string& data) {
  return std::string("event: ") + name + "\ndata: " + data + "\n\n";
}

// Which question an event belongs to; null: the drive.
Json QuestionOf(const PredictHead& head, size_t place) {
  if (!head.has_first()) return place;
  return place == 0 ? Json(nullptr) : Json(place - 1);
}

data::Timings Sum(const std::vector<data::Prediction>& predictions) {
  data::Timings sum;
  sum.frame_cached = !predictions.empty() && predictions.front().timings.frame_cached;
  for (const auto& [token, trajectory, action, text, ids, occupancy, t, flags] : predictions) {
    sum.image_ms += t.image_ms;
    sum.vision_ms += t.vision_ms;
    sum.prefill_ms += t.prefill_ms;
    sum.prompt_ms += t.prompt_ms;
    sum.decode_ms += t.decode_ms;
    sum.occupancy_ms += t.occupancy_ms;
    sum.planner_ms += t.planner_ms;
    sum.total_ms += t.total_ms;
    sum.prompt_tokens += t.prompt_tokens;
    sum.new_tokens += t.new_tokens;
  }
  return sum;
}

Json Answer(const std::string& question, const data::Prediction& prediction) {
  return {{"question", question},
          {"text", prediction.text},
          {"finish_reason", FinishReason(prediction)},
          {"meta_action", MetaActionJson(prediction)},
          {"flags", prediction.flags},
          {"timings", TimingsJson(prediction)}};
}

}  // namespace

std::string PredictReply(const PredictHead& head,
                         const std::vector<data::Prediction>& predictions) {
  Json json{{"id", head.id}, {"object", "prediction"}, {"model", head.model}, {"frame", nullptr}};
  if (!head.frame.empty()) json["frame"] = head.frame;
  auto flags = head.flags;
  const bool has_first = head.has_first();
  const data::Prediction none;
  const auto& first = has_first ? predictions.front() : none;
  flags.insert(flags.end(), first.flags.begin(), first.flags.end());
  json["text"] = head.drives ? Json(first.text) : Json(nullptr);
  json["finish_reason"] = head.drives ? Json(FinishReason(first)) : Json(nullptr);
  json["meta_action"] = MetaActionJson(first);
  json["trajectory"] = TrajectoryJson(first);
  json["occupancy"] =
      first.occupancy && head.occupancy ? OccupancyJson(*first.occupancy, *head.occupancy) : Json();
  json["consistency"] = head.drives ? ConsistencyJson(first) : Json(nullptr);
  json["answers"] = Json::array();
  for (size_t i = 0; i < head.questions.size(); ++i)
    json["answers"].push_back(Answer(head.questions[i], predictions[i + (has_first ? 1 : 0)]));
  json["flags"] = flags;
  data::Prediction sum;
  sum.timings = Sum(predictions);
  json["timings"] = TimingsJson(sum);
  json["usage"] = UsageJson(sum.timings, head.image_tokens);
  return Dump(json);
}

std::string PredictEvent(const PredictHead& head, const AskEvent& event) {
  const auto question = QuestionOf(head, event.place);
  if (event.kind == AskEvent::Kind::kText)
    return Event("text", Dump({{"question", question}, {"text", event.text}}));
  return Event("progress", Dump({{"question", question},
                                 {"phase", event.text},
                                 {"done", event.done},
                                 {"total", event.total}}));
}

std::string PredictEnding(const PredictHead& head,
                          const std::vector<data::Prediction>& predictions) {
  return Event("result", PredictReply(head, predictions));
}

}  // namespace occvla::serve

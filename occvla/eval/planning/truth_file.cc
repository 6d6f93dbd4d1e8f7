#include "occvla/eval/planning/truth_file.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "occvla/base/error.h"
#include "occvla/base/text.h"
#include "occvla/data/json_record.h"
#include "occvla/data/json_walk.h"

namespace occvla::eval {
namespace {

namespace dom = simdjson::dom;
using data::JsonRecord;
using data::nuscenes::PlanningAgent;
using data::nuscenes::PlanningTruth;

constexpr double kFarthest = 1e6, kLargest = 1e3, kMostYaw = 1e3;
constexpr size_t kMostRecordBytes = size_t{64} << 20;
constexpr int64_t kMostFrames = 1'000'000, kMostPoints = int64_t{1} << 40;

std::optional<double> NumberOf(dom::element value, double most) {
  double number = 0;
  if (!value.is_number() || value.get(number) != simdjson::SUCCESS) return std::nullopt;
  return std::abs(number) <= most ? std::optional(number) : std::nullopt;
}

// Reads arrays within a record; each complaint names field and place.
class RecordReader {
 public:
  explicit RecordReader(const JsonRecord& record) : record_(record) {}

  // Exactly six items, each handed to `read`.
  template <typename Read>
  void Six(std::string_view field, const Read& read) {
    const auto items = record_.Array(field);
    if (!items) return Fail();
    if (items->size() != 6) {
      Complain(Quoted(field) + " must have six items, but has " + std::to_string(items->size()));
      return;
    }
    size_t step = 0;
    for (const dom::element item : *items) {
      read(step, item, std::string(field) + "[" + std::to_string(step) + "]");
      ++step;
    }
  }
  double Number(dom::element value, double most, const std::string& place) {
    const auto number = NumberOf(value, most);
    if (!number) {
      Complain(place + " must be a number of at most " + std::to_string(std::llround(most)) +
               " either way, but is " + data::ValueText(value));
    }
    return number.value_or(0);
  }
  void Agents(dom::element value, const std::string& place, std::vector<PlanningAgent>* agents) {
    dom::array rows;
    if (value.get(rows) != simdjson::SUCCESS) {
      Complain(place + " must be an array of boxes, but is " + data::ValueText(value));
      return;
    }
    std::unordered_set<std::string_view> ids;
    for (const dom::element row : rows) {
      const std::string at = place + "[" + std::to_string(agents->size()) + "]";
      agents->push_back(Agent(row, at));
      // The id's bytes are the document's, which outlives this.
      dom::array items;
      std::string_view id;
      if (row.get(items) == simdjson::SUCCESS && items.size() == 9 &&
          items.at(6).get(id) == simdjson::SUCCESS && !ids.insert(id).second)
        Complain(at + " has the id " + Quoted(id) + ", which an earlier box of the step has");
    }
  }
  void Complain(const std::string& problem) {
    record_.Complain(problem);
    ok_ = false;
  }
  void Fail() { ok_ = false; }
  bool ok() const { return ok_; }

 private:
  PlanningAgent Agent(dom::element row, const std::string& at) {
    PlanningAgent agent;
    dom::array items;
    if (row.get(items) != simdjson::SUCCESS || items.size() != 9) {
      Complain(at +
               " must be [x, y, length, width, yaw, category, id, lidar points, radar points], but "
               "is " +
               data::ValueText(row));
      return agent;
    }
    agent.x_E = Number(items.at(0), kFarthest, at + "[0]");
    agent.y_E = Number(items.at(1), kFarthest, at + "[1]");
    agent.length = Extent(items.at(2), at + "[2]");
    agent.width = Extent(items.at(3), at + "[3]");
    agent.yaw_E = Number(items.at(4), kMostYaw, at + "[4]");
    agent.category = Text(items.at(5), at + "[5]");
    agent.id = Text(items.at(6), at + "[6]");
    agent.lidar_points = Points(items.at(7), at + "[7]");
    agent.radar_points = Points(items.at(8), at + "[8]");
    return agent;
  }
  double Extent(dom::element value, const std::string& at) {
    const auto number = NumberOf(value, kLargest);
    if (number && *number > 0) return *number;
    Complain(at + " must be metres above 0 and at most 1000, but is " + data::ValueText(value));
    return 1;
  }
  std::string Text(dom::element value, const std::string& at) {
    std::string_view text;
    if (value.get(text) == simdjson::SUCCESS && !text.empty() && text.size() <= 1024)
      return std::string(text);
    Complain(at + " must be a text of 1 to 1024 bytes, but is " + data::ValueText(value));
    return "";
  }
  int64_t Points(dom::element value, const std::string& at) {
    int64_t points = 0;
    if (value.get(points) == simdjson::SUCCESS && points >= 0 && points <= kMostPoints)
      return points;
    Complain(at + " must be a number of points, but is " + data::ValueText(value));
    return 0;
  }

  const JsonRecord& record_;
  bool ok_ = true;
};

void ReadMount(const JsonRecord& record, RecordReader* reader, PlanningTruth* truth) {
  const auto mount = record.Record("lidar_in_ego");
  if (!mount || !mount->ok()) return reader->Fail();
  const auto translation = mount->Numbers("translation", 3);
  if (translation)
    std::copy(translation->begin(), translation->end(), truth->lidar_translation.begin());
  const auto yaw = mount->Field("yaw");
  if (!translation || !yaw) return reader->Fail();
  for (const double number : truth->lidar_translation)
    if (std::abs(number) > kLargest) reader->Complain("the lidar's mount is more than 1 km away");
  truth->lidar_yaw = reader->Number(*yaw, kMostYaw, "lidar_in_ego.yaw");
}

void ReadPath(RecordReader* reader, PlanningTruth* truth) {
  reader->Six("gt", [&](size_t step, dom::element point, const std::string& place) {
    dom::array numbers;
    if (point.get(numbers) != simdjson::SUCCESS || numbers.size() != 2) {
      return reader->Complain(place + " must be [x, y], but is " + data::ValueText(point));
    }
    for (size_t axis = 0; axis < 2; ++axis)
      truth->positions_E[step][axis] = reader->Number(numbers.at(axis), kFarthest, place);
  });
  reader->Six("ego_yaw", [&](size_t step, dom::element yaw, const std::string& place) {
    truth->yaws_E[step] = reader->Number(yaw, kMostYaw, place);
  });
  reader->Six("valid", [&](size_t step, dom::element valid, const std::string& place) {
    bool is = false;
    if (valid.get(is) != simdjson::SUCCESS)
      return reader->Complain(place + " must be true or false, but is " + data::ValueText(valid));
    truth->valid[step] = is;
  });
}

std::optional<PlanningTruth> ReadRecord(const JsonRecord& record) {
  RecordReader reader(record);
  PlanningTruth truth;
  if (const auto text = record.Text("case", JsonRecord::Empty::kAllowed)) truth.scene = *text;
  const auto before = record.Int("frames_before", 0, kMostFrames);
  const auto after = record.Int("frames_after", 0, kMostFrames);
  if (!before || !after || !record.Find("case")) reader.Fail();
  truth.frames_before = static_cast<int>(before.value_or(0));
  truth.frames_after = static_cast<int>(after.value_or(0));
  ReadMount(record, &reader, &truth);
  ReadPath(&reader, &truth);
  if (const auto now = record.Field("agents_now")) {
    reader.Agents(*now, "agents_now", &truth.agents_now);
  } else {
    reader.Fail();
  }
  reader.Six("agents", [&](size_t step, dom::element agents, const std::string& place) {
    reader.Agents(agents, place, &truth.agents[step]);
  });
  if (const auto seen = record.Array("seen")) {
    for (const dom::element id : *seen) {
      std::string_view text;
      if (id.get(text) != simdjson::SUCCESS) {
        reader.Complain("\"seen\" must be texts, but has " + data::ValueText(id));
      } else {
        truth.seen.emplace_back(text);
      }
    }
  } else {
    reader.Fail();
  }
  return reader.ok() ? std::optional(std::move(truth)) : std::nullopt;
}

std::string KeyOf(const std::string& scene, int frames_before) {
  return std::to_string(frames_before) + " " + scene;
}

}  // namespace

PlanningTruthFile::PlanningTruthFile(const std::filesystem::path& path) : file_(path) {}

void PlanningTruthFile::ForEach(
    const std::function<void(const std::string&, const PlanningTruth&)>& visit) const {
  ForEachPlanningTruth(file_.text(), file_.path().string(), visit);
}

void ForEachPlanningTruth(
    std::string_view text, const std::string& name,
    const std::function<void(const std::string&, const PlanningTruth&)>& visit) {
  data::Complaints complaints;
  data::RecordParser parser;
  data::JsonWalk walk(text, name);
  try {
    walk.Object([&](std::string_view token) {
      const data::Where where = [&] { return "frame " + Quoted(token); };
      const auto value = parser.Parse(walk.Value(kMostRecordBytes), where, complaints);
      if (!value) return;
      const size_t before = complaints.count();
      const JsonRecord record(*value, where, complaints);
      if (!record.ok()) return;
      const auto truth = ReadRecord(record);
      if (truth && complaints.count() == before) visit(std::string(token), *truth);
    });
    walk.End();
  } catch (const DataError& error) {
    complaints.AddWhole(error.what());
  }
  complaints.Throw(name + " is not usable as the ground truth of planning",
                   "`occvla data export-planning` writes such a file.");
}

void PlanningHistory::Add(const std::string& token, const PlanningTruth& truth) {
  tokens_.push_back(token);
  records_[KeyOf(truth.scene, truth.frames_before)].push_back(
      {truth.frames_before, truth.frames_after, truth.positions_E, truth.yaws_E, truth.valid});
}

std::optional<std::array<double, 2>> PlanningHistory::VelocityBefore(
    const PlanningTruth& truth) const {
  // The car nods and leans, which a path in the plane leaves out.
  constexpr double kSame = 0.05;
  const auto found = records_.find(KeyOf(truth.scene, truth.frames_before - 1));
  if (found == records_.end()) return std::nullopt;
  std::optional<std::array<double, 2>> velocity;
  for (const Record& before : found->second) {
    if (before.frames_after != truth.frames_after + 1 || !before.valid[0]) continue;
    const double cosine = std::cos(before.yaws_E[0]), sine = std::sin(before.yaws_E[0]);
    const auto turned = [&](double dx, double dy) {
      return std::array<double, 2>{cosine * dx + sine * dy, cosine * dy - sine * dx};
    };
    const auto& origin = before.positions_E[0];
    bool same = true;
    for (size_t step = 0; step < 5 && same; ++step) {
      same = before.valid[step + 1] == truth.valid[step];
      if (!same || !truth.valid[step]) continue;
      const auto there = turned(before.positions_E[step + 1][0] - origin[0],
                                before.positions_E[step + 1][1] - origin[1]);
      same = std::hypot(there[0] - truth.positions_E[step][0],
                        there[1] - truth.positions_E[step][1]) < kSame;
    }
    if (!same) continue;
    if (velocity) return std::nullopt;
    const auto moved = turned(origin[0], origin[1]);
    velocity = {moved[0] / 0.5, moved[1] / 0.5};
  }
  return velocity;
}

std::vector<std::string> PlanningHistory::Tokens() const {
  std::vector<std::string> sorted = tokens_;
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

}  // namespace occvla::eval

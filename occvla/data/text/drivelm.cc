#include "occvla/data/text/drivelm.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <unordered_set>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"
#include "occvla/data/frame.h"
#include "occvla/data/json_record.h"
#include "occvla/data/json_walk.h"

namespace occvla::data {
namespace {

namespace dom = simdjson::dom;

constexpr size_t kMaxFrame = 16 << 20;
constexpr size_t kMaxOther = 1 << 20;  // A field that is no keyframe.
constexpr std::array<std::string_view, 4> kGroups = {"perception", "prediction", "planning",
                                                     "behavior"};

std::optional<size_t> CameraNamed(std::string_view name) {
  const auto found = std::find(kCameraNames.begin(), kCameraNames.end(), name);
  if (found == kCameraNames.end()) return std::nullopt;
  return static_cast<size_t>(found - kCameraNames.begin());
}

std::optional<double> NumberIn(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

// A text that may be null in the file; nothing when it is anything else.
std::optional<std::string> TextOrNull(const JsonRecord& record, std::string_view name) {
  const auto value = record.Field(name);
  if (!value) return std::nullopt;
  if (value->is_null()) return std::string();
  const auto text = record.Text(name, JsonRecord::Empty::kAllowed);
  if (!text) return std::nullopt;
  return std::string(*text);
}

void ReadObjects(const JsonRecord& frame, Complaints& complaints, DrivelmFrame& out) {
  const auto infos = frame.Record("key_object_infos");
  if (!infos) return;
  for (const auto field : dom::object(*frame.Find("key_object_infos"))) {
    const Where here = [&] { return infos->where()() + "[" + Quoted(field.key, 60) + "]"; };
    DrivelmObject object;
    if (const auto reference = ParseDrivelmReference(field.key)) {
      object.reference = *reference;
    } else {
      complaints.Add(here(), "is not named like \"<c1,CAM_FRONT,800.0,450.0>\"");
    }
    const JsonRecord record(field.value, here, complaints);
    if (!record.ok()) continue;
    object.category = record.Text("Category").value_or("");
    object.status = TextOrNull(record, "Status").value_or("");
    object.visual_description = TextOrNull(record, "Visual_description").value_or("");
    if (const auto box = record.Numbers("2d_bbox", 4))
      std::copy(box->begin(), box->end(), object.box_I.begin());
    out.objects.push_back(std::move(object));
  }
}

// The field "tag" is absent, a number, or a list of numbers.
void ReadTags(const JsonRecord& record, std::vector<int>& tags) {
  const auto value = record.Find("tag");
  if (!value) return;
  const auto add = [&](dom::element tag) {
    int64_t number = -1;
    if (tag.get(number) == simdjson::SUCCESS && number >= 0 && number <= 3) {
      tags.push_back(static_cast<int>(number));
    } else {
      record.ComplainType("tag", "integers from 0 to 3", *value);
    }
  };
  if (!value->is_array()) return add(*value);
  for (const dom::element tag : dom::array(*value)) add(tag);
}

void ReadQuestions(const JsonRecord& frame, Complaints& complaints, DrivelmFrame& out) {
  const auto groups = frame.Record("QA");
  if (!groups) return;
  for (size_t group = 0; group < kGroups.size(); ++group) {
    const auto pairs = groups->Array(kGroups[group]);
    if (!pairs) continue;
    size_t index = 0;
    for (const dom::element pair : *pairs) {
      const size_t here = index++;
      const JsonRecord record(
          pair,
          [&] {
            return groups->where()() + "." + std::string(kGroups[group]) + "[" +
                   std::to_string(here) + "]";
          },
          complaints);
      if (!record.ok()) continue;
      DrivelmQuestion question;
      question.group = static_cast<DrivelmGroup>(group);
      question.question = record.Text("Q").value_or("");
      question.answer = record.Text("A", JsonRecord::Empty::kAllowed).value_or("");
      ReadTags(record, question.tags);
      out.questions.push_back(std::move(question));
    }
  }
}

void ReadImages(const JsonRecord& frame, DrivelmFrame& out) {
  const auto paths = frame.Record("image_paths");
  if (!paths) return;
  for (size_t camera = 0; camera < kCameraNames.size(); ++camera) {
    const auto path = paths->Text(kCameraNames[camera]);
    if (!path) continue;
    const std::string folder = "samples/" + std::string(kCameraNames[camera]) + "/";
    const size_t found = path->find(folder);
    const std::string_view end =
        found == std::string_view::npos ? std::string_view() : path->substr(found);
    if (!IsPathInside(end)) {
      paths->Complain(Quoted(kCameraNames[camera]) + " must end in " + folder + "<file>, but is " +
                      Quoted(*path));
      continue;
    }
    out.images[camera] = end;
  }
}

class Reader {
 public:
  Reader(std::string_view text, const std::string& where,
         const std::function<void(const DrivelmFrame&)>& take, Complaints& complaints)
      : walk_(text, where), where_(where), take_(take), complaints_(complaints) {}

  void Read() {
    walk_.Object([&](std::string_view scene) { Scene(scene); });
    walk_.End();
  }

 private:
  // Its description may stand behind its keyframes, which therefore wait.
  void Scene(std::string_view token) {
    const Where here = [&] { return where_ + ": scene " + Quoted(token, 60); };
    if (!IsToken(token)) complaints_.Add(here(), "is not a token of 32 hex digits");
    std::vector<DrivelmFrame> frames;
    std::string description;
    bool described = false, framed = false;
    walk_.Object([&](std::string_view name) {
      if (name == "key_frames") {
        framed = true;
        walk_.Object([&](std::string_view sample) { Frame(token, sample, here, frames); });
        return;
      }
      const std::string_view raw = walk_.Value(kMaxOther);
      if (name != "scene_description") return;
      described = true;
      const auto value = parser_.Parse(raw, here, complaints_);
      if (!value) return;
      if (value->is_string()) {
        description = std::string_view(*value);
      } else {
        complaints_.Add(here(),
                        "\"scene_description\" must be a string, but is " + ValueText(*value));
      }
    });
    if (!described) complaints_.Add(here(), "lacks the field \"scene_description\"");
    if (!framed) complaints_.Add(here(), "lacks the field \"key_frames\"");
    for (DrivelmFrame& frame : frames) {
      frame.scene_description = description;
      take_(frame);
    }
  }

  void Frame(std::string_view scene, std::string_view sample, const Where& scene_here,
             std::vector<DrivelmFrame>& frames) {
    const Where here = [&] { return scene_here() + ", keyframe " + Quoted(sample, 60); };
    const size_t before = complaints_.count();
    if (!IsToken(sample)) complaints_.Add(here(), "is not a token of 32 hex digits");
    if (!samples_.insert(std::string(sample)).second)
      complaints_.Add(here(), "occurs in another scene too");
    const auto value = parser_.Parse(walk_.Value(kMaxFrame), here, complaints_);
    if (!value) return;
    const JsonRecord record(*value, here, complaints_);
    if (!record.ok()) return;
    DrivelmFrame frame;
    frame.scene_token = scene;
    frame.sample_token = sample;
    ReadObjects(record, complaints_, frame);
    ReadQuestions(record, complaints_, frame);
    ReadImages(record, frame);
    if (complaints_.count() == before) frames.push_back(std::move(frame));
  }

  JsonWalk walk_;
  RecordParser parser_;
  const std::string& where_;
  const std::function<void(const DrivelmFrame&)>& take_;
  Complaints& complaints_;
  std::unordered_set<std::string> samples_;
};

}  // namespace

std::string_view Name(DrivelmGroup group) { return kGroups[static_cast<size_t>(group)]; }

std::optional<DrivelmReference> ParseDrivelmReference(std::string_view text) {
  if (text.size() < 2 || text.front() != '<' || text.back() != '>') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  std::array<std::string_view, 4> parts;
  for (size_t part = 0; part < parts.size(); ++part) {
    const size_t end = std::min(text.find(','), text.size());
    parts[part] = text.substr(0, end);
    if (part + 1 < parts.size() ? end == text.size() : end != text.size()) return std::nullopt;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  const auto camera = CameraNamed(parts[1]);
  const auto u = NumberIn(parts[2]), v = NumberIn(parts[3]);
  if (parts[0].size() < 2 || parts[0].size() > 16 || parts[0][0] != 'c' || !camera || !u || !v)
    return std::nullopt;
  return DrivelmReference{.id = std::string(parts[0]), .camera = *camera, .u_I = *u, .v_I = *v};
}

void ReadDrivelm(std::string_view text, const std::string& where,
                 const std::function<void(const DrivelmFrame&)>& take, Complaints& complaints) {
  try {
    Reader(text, where, take, complaints).Read();
  } catch (const DataError& error) {
    complaints.AddWhole(error.what());
  }
}

void ReadDrivelm(const std::filesystem::path& path,
                 const std::function<void(const DrivelmFrame&)>& take) {
  const MappedFile file(path);
  Complaints complaints;
  ReadDrivelm(file.text(), path.string(), take, complaints);
  complaints.Throw("DriveLM questions", "Fetch the file again.");
}

}  // namespace occvla::data

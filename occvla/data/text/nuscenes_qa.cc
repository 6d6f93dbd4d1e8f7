#include "occvla/data/text/nuscenes_qa.h"

#include <algorithm>
#include <optional>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"
#include "occvla/data/json_record.h"
#include "occvla/data/json_walk.h"

namespace occvla::data {
namespace {

constexpr size_t kMaxRecord = 1 << 20;
constexpr size_t kMaxOther = 16 << 20;  // A top-level field that is not the questions.
constexpr std::array<std::string_view, 5> kTypes = {"exist", "count", "object", "status",
                                                    "comparison"};

std::optional<NuscenesQaType> TypeOf(const JsonRecord& record) {
  const auto name = record.Text("template_type");
  if (!name) return std::nullopt;
  const auto found = std::find(kTypes.begin(), kTypes.end(), *name);
  if (found != kTypes.end()) return static_cast<NuscenesQaType>(found - kTypes.begin());
  record.Complain("\"template_type\" must be exist, count, object, status or comparison, but is " +
                  Quoted(*name));
  return std::nullopt;
}

// Counts may stand there as numbers: the official scoring makes strings of them.
std::optional<std::string> AnswerOf(const JsonRecord& record) {
  const auto value = record.Field("answer");
  if (!value) return std::nullopt;
  std::string answer;
  if (value->is_string()) answer = std::string_view(*value);
  if (value->is_int64()) answer = std::to_string(int64_t(*value));
  if (std::find(kNuscenesQaAnswers.begin(), kNuscenesQaAnswers.end(), answer) !=
      kNuscenesQaAnswers.end())
    return answer;
  record.ComplainType("answer", "one of NuScenes-QA's 30 answers", *value);
  return std::nullopt;
}

bool ReadQuestion(const JsonRecord& record, NuscenesQaQuestion& question) {
  const auto split = record.Text("split");
  const auto token = record.Token("sample_token");
  const auto text = record.Text("question");
  const auto answer = AnswerOf(record);
  const auto hop = record.Int("num_hop", 0, 1);
  const auto type = TypeOf(record);
  if (!split || !token || !text || !answer || !hop || !type) return false;
  question.split = *split;
  question.sample_token = *token;
  question.question = *text;
  question.answer = *answer;
  question.num_hop = static_cast<int>(*hop);
  question.type = *type;
  return true;
}

}  // namespace

std::string_view Name(NuscenesQaType type) { return kTypes[static_cast<size_t>(type)]; }

void ReadNuscenesQa(std::string_view text, const std::string& where,
                    const std::function<void(const NuscenesQaQuestion&)>& take,
                    Complaints& complaints) {
  RecordParser parser;
  NuscenesQaQuestion question;
  bool found = false;
  try {
    JsonWalk walk(text, where);
    walk.Object([&](std::string_view name) {
      if (name != "questions") {
        walk.Value(kMaxOther);
        return;
      }
      found = true;
      walk.Array([&](size_t index) {
        const auto here = [&] { return where + ": questions[" + std::to_string(index) + "]"; };
        const size_t before = complaints.count();
        const auto value = parser.Parse(walk.Value(kMaxRecord), here, complaints);
        if (!value) return;
        if (ReadQuestion(JsonRecord(*value, here, complaints), question) &&
            complaints.count() == before)
          take(question);
      });
    });
    walk.End();
  } catch (const DataError& error) {
    complaints.AddWhole(error.what());
    return;
  }
  if (!found) complaints.Add(where, "lacks the field \"questions\"");
}

void ReadNuscenesQa(const std::filesystem::path& path,
                    const std::function<void(const NuscenesQaQuestion&)>& take) {
  const MappedFile file(path);
  Complaints complaints;
  ReadNuscenesQa(file.text(), path.string(), take, complaints);
  complaints.Throw("NuScenes-QA questions", "Fetch the file again.");
}

}  // namespace occvla::data

#include "occvla/eval/language/qa_score.h"

#include <iomanip>
#include <sstream>
#include <vector>

#include "occvla/base/files.h"
#include "occvla/base/json.h"
#include "occvla/base/text.h"
#include "occvla/data/complaints.h"
#include "occvla/data/json_walk.h"

namespace occvla::eval {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostRecordBytes = 1 << 16;
constexpr size_t kMostQuestions = 10'000'000;
constexpr size_t kMostTypes = 64;

struct Question {
  std::string type, answer;
  int num_hop = 0;
};

Question ParseQuestion(std::string_view text, const std::string& where) {
  const nlohmann::json document = ParseJson(text, where, {.max_bytes = kMostRecordBytes});
  const JsonNode node(document, where);
  Question question;
  question.type = node.At("template_type").String();
  question.num_hop = static_cast<int>(node.At("num_hop").Int(0, 1));
  const JsonNode answer = node.At("answer");
  question.answer = answer.json().is_number_integer() ? answer.json().dump() : answer.String();
  return question;
}

std::vector<Question> ReadQuestions(std::string_view text, const std::string& where,
                                    data::Complaints& complaints) {
  std::vector<Question> questions;
  data::JsonWalk walk(text, where);
  bool found = false;
  if (walk.Peek() != '{') walk.Fail("expected an object with \"questions\"");
  walk.Object([&](std::string_view name) {
    if (name != "questions") {
      (void)walk.Value(text.size());
      return;
    }
    found = true;
    if (walk.Peek() != '[') walk.Fail("\"questions\" must be a list");
    walk.Array([&](size_t index) {
      if (index >= kMostQuestions)
        walk.Fail("more than " + std::to_string(kMostQuestions) + " questions");
      const std::string record = where + ", question " + std::to_string(index);
      const std::string_view value = walk.Value(kMostRecordBytes);
      questions.emplace_back();
      try {
        questions.back() = ParseQuestion(value, record);
      } catch (const DataError& error) {
        complaints.AddWhole(error.what());
      }
    });
  });
  walk.End();
  if (!found) complaints.Add(where, "has no list \"questions\"");
  return questions;
}

std::vector<std::optional<std::string>> ReadPredictions(std::string_view text,
                                                        const std::string& where,
                                                        data::Complaints& complaints) {
  std::vector<std::optional<std::string>> predictions;
  data::JsonWalk walk(text, where);
  if (walk.Peek() != '[')
    walk.Fail("expected a list with an answer (a string or null) for each question");
  walk.Array([&](size_t index) {
    if (index >= kMostQuestions)
      walk.Fail("more than " + std::to_string(kMostQuestions) + " answers");
    const std::string record = where + ", answer " + std::to_string(index);
    const std::string_view value = walk.Value(kMostRecordBytes);
    predictions.emplace_back();
    try {
      const nlohmann::json answer = ParseJson(value, record, {.max_bytes = kMostRecordBytes});
      if (answer.is_null()) return;
      if (answer.is_string()) {
        predictions.back() = answer.get<std::string>();
        return;
      }
      complaints.Add(record, "must be a string or null, but is " + Printable(value, 60));
    } catch (const DataError& error) {
      complaints.AddWhole(error.what());
    }
  });
  walk.End();
  return predictions;
}

Json OrNull(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Tally All(const std::array<Tally, 2>& hops) {
  return {hops[0].right + hops[1].right, hops[0].total + hops[1].total};
}

std::string Cell(const Tally& tally) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(2) << std::setw(8);
  if (const auto share = tally.Share()) {
    text << 100 * *share;
  } else {
    text << "-";
  }
  text << " of " << std::left << std::setw(7) << tally.total;
  return text.str();
}

}  // namespace

std::optional<double> Tally::Share() const {
  if (total == 0) return std::nullopt;
  return static_cast<double>(right) / static_cast<double>(total);
}

void QaScore::Add(std::string_view type, int num_hop, std::string_view answer,
                  std::optional<std::string_view> prediction) {
  const bool right = prediction && *prediction == answer;
  overall.Add(right);
  types[std::string(type)][static_cast<size_t>(num_hop)].Add(right);
  without_prediction += !prediction;
}

QaScore ScoreQa(std::string_view questions, const std::string& questions_name,
                std::string_view predictions, const std::string& predictions_name) {
  data::Complaints complaints;
  std::vector<Question> asked;
  std::vector<std::optional<std::string>> answered;
  size_t files_read = 0;
  const auto attempt = [&](auto&& read) {
    try {
      read();
      ++files_read;
    } catch (const DataError& error) {
      complaints.AddWhole(error.what());
    }
  };
  attempt([&] { asked = ReadQuestions(questions, questions_name, complaints); });
  attempt([&] { answered = ReadPredictions(predictions, predictions_name, complaints); });
  if (files_read == 2 && asked.size() != answered.size()) {
    complaints.Add(predictions_name, "holds " + std::to_string(answered.size()) +
                                         " answers, but there are " + std::to_string(asked.size()) +
                                         " questions");
  }
  complaints.Throw("The answers cannot be scored",
                   "Answer every question in the file's order; null where there is no answer");
  QaScore score;
  for (size_t i = 0; i < asked.size(); ++i) {
    score.Add(asked[i].type, asked[i].num_hop, asked[i].answer, answered[i]);
    if (score.types.size() > kMostTypes) {
      throw DataError(questions_name + ": more than " + std::to_string(kMostTypes) +
                      " kinds of template_type. NuScenes-QA has five.");
    }
  }
  return score;
}

QaScore ScoreQa(const std::filesystem::path& questions, const std::filesystem::path& predictions) {
  return ScoreQa(MappedFile(questions).text(), questions.string(), MappedFile(predictions).text(),
                 predictions.string());
}

std::string QaReportJson(const QaScore& score) {
  Json json = {{"overall", OrNull(score.overall.Share())}, {"types", Json::object()}};
  for (const auto& [type, hops] : score.types) {
    json["types"][type] = {{"h0", OrNull(hops[0].Share())},
                           {"h1", OrNull(hops[1].Share())},
                           {"all", OrNull(All(hops).Share())}};
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string QaReportText(const QaScore& score) {
  std::ostringstream text;
  text << std::left << std::setw(14) << "per cent" << std::right << std::setw(8) << "h0"
       << std::setw(19) << "h1" << std::setw(19) << "all"
       << "\n";
  for (const auto& [type, hops] : score.types) {
    text << std::left << std::setw(14) << Printable(type, 40) << std::right << Cell(hops[0])
         << Cell(hops[1]) << Cell(All(hops)) << "\n";
  }
  text << std::left << std::setw(14) << "overall" << std::right << std::string(38, ' ')
       << Cell(score.overall) << "\n";
  if (score.without_prediction > 0) {
    text << score.without_prediction << " of " << score.overall.total
         << " questions have no answer (null) and count as wrong\n";
  }
  return text.str();
}

}  // namespace occvla::eval

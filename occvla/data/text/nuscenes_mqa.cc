#include "occvla/data/text/nuscenes_mqa.h"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "occvla/base/files.h"
#include "occvla/base/text.h"
#include "occvla/data/json_record.h"
#include "occvla/data/text/csv.h"

namespace occvla::data {
namespace {

constexpr std::array<std::string_view, 7> kTags = {"target", "obj", "cnt", "ans",
                                                   "cam",    "dst", "loc"};
constexpr std::array<std::string_view, 4> kColumns = {"sample_token", "question", "answer",
                                                      "question_type"};

// A tag at the start of the text.
struct Tag {
  std::string_view name;
  bool closing = false;
  size_t size = 0;
};

std::optional<Tag> TagAt(std::string_view text) {
  if (!text.starts_with('<')) return std::nullopt;
  const bool closing = text.substr(1).starts_with('/');
  const std::string_view rest = text.substr(closing ? 2 : 1);
  for (const std::string_view name : kTags) {
    if (rest.starts_with(name) && rest.substr(name.size()).starts_with('>'))
      return Tag{name, closing, (closing ? 3 : 2) + name.size()};
  }
  return std::nullopt;
}

// Where each column stands in the header; nothing when one is missing.
std::optional<std::array<size_t, 4>> Columns(const std::vector<std::string>& header) {
  std::array<size_t, 4> columns{};
  for (size_t column = 0; column < kColumns.size(); ++column) {
    const auto found = std::find(header.begin(), header.end(), kColumns[column]);
    if (found == header.end()) return std::nullopt;
    columns[column] = static_cast<size_t>(found - header.begin());
  }
  return columns;
}

std::string HeaderProblem(const std::vector<std::string>& header) {
  std::vector<std::string> lacks;
  for (const std::string_view column : kColumns) {
    if (std::find(header.begin(), header.end(), column) == header.end())
      lacks.push_back(Quoted(column));
  }
  return "the header lacks " + Join(lacks, ", ");
}

// What is wrong with a record; empty if nothing.
std::string Problem(const NuscenesMqaQuestion& record) {
  std::vector<std::string> problems;
  if (!IsToken(record.sample_token))
    problems.push_back("\"sample_token\" must be a token of 32 hex digits, but is " +
                       Quoted(record.sample_token, 60));
  const auto text = [&](std::string_view name, const std::string& value) {
    const std::string quoted = Quoted(name);
    if (value.empty()) problems.push_back(quoted + " is empty");
    if (value.size() > kMaxRecordText)
      problems.push_back(quoted + " has " + std::to_string(value.size()) + " bytes, at most " +
                         std::to_string(kMaxRecordText) + " are accepted here");
    if (!IsValidUtf8(value)) problems.push_back(quoted + " is not UTF-8");
  };
  text("question", record.question);
  text("answer", record.answer);
  text("question_type", record.question_type);
  if (!MqaSpans(record.question)) problems.push_back("\"question\" has a tag without its partner");
  if (!MqaSpans(record.answer)) problems.push_back("\"answer\" has a tag without its partner");
  return Join(problems, "; ");
}

}  // namespace

std::string StripMqaTags(std::string_view text) {
  std::string plain;
  for (size_t at = 0; at < text.size();) {
    if (const auto tag = TagAt(text.substr(at))) {
      at += tag->size;
    } else {
      plain += text[at++];
    }
  }
  return plain;
}

std::optional<std::vector<MqaSpan>> MqaSpans(std::string_view text) {
  std::vector<MqaSpan> spans;
  std::vector<size_t> open;
  for (size_t at = 0; at < text.size();) {
    const auto tag = TagAt(text.substr(at));
    if (!tag) {
      for (const size_t span : open) spans[span].text += text[at];
      ++at;
      continue;
    }
    at += tag->size;
    if (!tag->closing) {
      open.push_back(spans.size());
      spans.push_back({std::string(tag->name), ""});
      if (open.size() > kTags.size()) return std::nullopt;  // No text nests a tag in itself.
    } else {
      if (open.empty() || spans[open.back()].tag != tag->name) return std::nullopt;
      open.pop_back();
    }
  }
  if (!open.empty()) return std::nullopt;
  return spans;
}

bool IsNuscenesMqa(std::string_view text) {
  Complaints ignored;
  std::vector<std::string> header;
  return CsvReader(text.substr(0, 4096), "", ignored).Next(header) && Columns(header).has_value();
}

void ReadNuscenesMqa(std::string_view text, const std::string& where,
                     const std::function<void(const NuscenesMqaQuestion&)>& take,
                     Complaints& complaints) {
  CsvReader reader(text, where, complaints);
  std::vector<std::string> header, fields;
  if (!reader.Next(header)) {
    complaints.Add(where, "holds no header");
    return;
  }
  const auto columns = Columns(header);
  if (!columns) {
    complaints.Add(where + ", line 1", HeaderProblem(header));
    return;
  }
  // pandas writes the index under this name, or under none.
  const auto index = std::find_if(header.begin(), header.end(), [](const std::string& name) {
    return name.empty() || name == "index";
  });
  std::unordered_set<std::string> indices;
  NuscenesMqaQuestion record;
  while (reader.Next(fields)) {
    const std::string here = where + ", line " + std::to_string(reader.line());
    if (fields.size() != header.size()) {
      complaints.Add(here, "has " + std::to_string(fields.size()) + " fields, but the header has " +
                               std::to_string(header.size()));
      continue;
    }
    if (index != header.end()) {
      const std::string& value = fields[static_cast<size_t>(index - header.begin())];
      if (!indices.insert(value).second) {
        complaints.Add(here, "the index " + Quoted(value, 40) + " occurs twice");
        continue;
      }
    }
    record.sample_token = fields[(*columns)[0]];
    record.question = fields[(*columns)[1]];
    record.answer = fields[(*columns)[2]];
    record.question_type = fields[(*columns)[3]];
    const std::string problem = Problem(record);
    if (problem.empty()) {
      take(record);
    } else {
      complaints.Add(here, problem);
    }
  }
}

void ReadNuscenesMqa(const std::filesystem::path& path,
                     const std::function<void(const NuscenesMqaQuestion&)>& take) {
  const MappedFile file(path);
  Complaints complaints;
  ReadNuscenesMqa(file.text(), path.string(), take, complaints);
  complaints.Throw("NuScenes-MQA questions", "Fetch the file again.");
}

}  // namespace occvla::data

#include "occvla/label/cot_file.h"

#include <nlohmann/json.hpp>
#include <unordered_set>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"

namespace occvla::label {
namespace {

constexpr size_t kMostPast = 64, kMostText = 64 << 10;

[[noreturn]] void Refuse(const CotLabel& label, const std::string& problem) {
  throw DataError("chain of thought of " + Quoted(label.token, 60) + ": " + problem);
}

void CheckLine(const CotLabel& label, const char* name, const std::string& text) {
  if (text.empty()) Refuse(label, std::string(name) + " is empty; each field needs words");
  if (text.size() > kMostText) {
    Refuse(label, std::string(name) + " has " + std::to_string(text.size()) +
                      " bytes, more than the " + std::to_string(kMostText) + " allowed");
  }
  if (text.find_first_of("\r\n") != std::string::npos)
    Refuse(label, std::string(name) + " has a line break: " + Quoted(text));
  if (!IsValidUtf8(text)) Refuse(label, std::string(name) + " is not UTF-8: " + Quoted(text));
}

void Check(const CotLabel& label) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  bool token = label.token.size() == 32;
  for (const char c : label.token) token = token && is_hex(c);
  if (!token) Refuse(label, "a sample token has 32 lower-case hex digits");
  CheckLine(label, "the scene", label.text.scene);
  CheckLine(label, "the intent", label.text.intent);
  CheckLine(label, "the maker", label.maker);
  if (label.past.size() > kMostPast)
    Refuse(label,
           "has " + std::to_string(label.past.size()) + " past actions, at most 64 are told");
}

std::string Record(const CotLabel& label) {
  auto past = nlohmann::ordered_json::array();
  for (const data::MetaAction& action : label.past) past.push_back(ToString(action));
  const nlohmann::ordered_json record = {{"past", std::move(past)},
                                         {"scene", label.text.scene},
                                         {"intent", label.text.intent},
                                         {"meta_action", ToString(label.text.meta_action)},
                                         {"maker", label.maker}};
  return "\"" + label.token + "\": " + record.dump();
}

}  // namespace

struct CotFileWriter::Impl {
  AtomicFile file;
  std::unordered_set<std::string> tokens;
};

CotFileWriter::CotFileWriter(const std::filesystem::path& path)
    : impl_(new Impl{.file = AtomicFile(path), .tokens = {}}) {
  impl_->file.Write("{\"chain_of_thought\": {");
}

CotFileWriter::~CotFileWriter() = default;

void CotFileWriter::Add(const CotLabel& label) {
  Check(label);
  const bool first = impl_->tokens.empty();
  if (!impl_->tokens.insert(label.token).second)
    Refuse(label, "comes twice; a keyframe has one label");
  impl_->file.Write((first ? "\n" : ",\n") + Record(label));
}

uint64_t CotFileWriter::count() const { return impl_->tokens.size(); }

void CotFileWriter::Commit() {
  impl_->file.Write("\n}}\n");
  impl_->file.Commit();
}

std::vector<CotLabel> ReadCotFile(const std::filesystem::path& path) {
  const MappedFile file(path);
  std::vector<CotLabel> labels;
  data::Complaints complaints;
  data::ReadChainOfThought(
      file.text(), path.string(), [&](const CotLabel& label) { labels.push_back(label); },
      complaints);
  complaints.Throw("chain of thought", "Make the file again with `occvla label cot`.");
  return labels;
}

}  // namespace occvla::label

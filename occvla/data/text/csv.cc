#include "occvla/data/text/csv.h"

#include <algorithm>
#include <utility>

#include "occvla/base/text.h"

namespace occvla::data {
namespace {

constexpr size_t kMaxFields = 64;
constexpr size_t kMaxField = 1 << 20;

}  // namespace

CsvReader::CsvReader(std::string_view text, std::string where, Complaints& complaints)
    : text_(text), where_(std::move(where)), complaints_(complaints) {
  if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
}

void CsvReader::Complain(const std::string& problem) {
  complaints_.Add(where_ + ", line " + std::to_string(record_line_), problem);
}

// To the start of the next line.
void CsvReader::SkipLine() {
  const size_t end = text_.find('\n', at_);
  at_ = end == std::string_view::npos ? text_.size() : end + 1;
  ++line_;
}

// From behind the opening quote to behind the closing one.
bool CsvReader::QuotedField(std::string& field) {
  for (;;) {
    const size_t end = text_.find('"', at_);
    if (end == std::string_view::npos) {
      Complain("a quote opens here that never closes");
      at_ = text_.size();
      return false;
    }
    const std::string_view part = text_.substr(at_, end - at_);
    line_ += static_cast<size_t>(std::count(part.begin(), part.end(), '\n'));
    at_ = end + 1;
    if (field.size() + part.size() > kMaxField) {
      Complain("a field has more than " + std::to_string(kMaxField) + " bytes");
      SkipLine();
      return false;
    }
    field += part;
    if (at_ == text_.size() || text_[at_] != '"') return true;
    field += '"';
    ++at_;
  }
}

bool CsvReader::ReadRecord(std::vector<std::string>& fields) {
  fields.clear();
  for (;;) {
    if (fields.size() == kMaxFields) {
      Complain("has more than " + std::to_string(kMaxFields) + " fields");
      SkipLine();
      return false;
    }
    std::string& field = fields.emplace_back();
    if (at_ < text_.size() && text_[at_] == '"') {
      ++at_;
      if (!QuotedField(field)) return false;
    } else {
      const size_t end = std::min(text_.find_first_of(",\n", at_), text_.size());
      std::string_view plain = text_.substr(at_, end - at_);
      at_ = end;
      if (plain.ends_with('\r') && (end == text_.size() || text_[end] == '\n'))
        plain.remove_suffix(1);
      if (plain.size() > kMaxField || plain.find('"') != std::string_view::npos) {
        Complain(plain.size() > kMaxField
                     ? "a field has more than " + std::to_string(kMaxField) + " bytes"
                     : "a quote stands inside a field that does not open with one");
        SkipLine();
        return false;
      }
      field = plain;
    }
    if (text_.substr(at_, 2) == "\r\n") ++at_;
    if (at_ == text_.size()) return true;
    const char mark = text_[at_++];
    if (mark == ',') continue;
    if (mark == '\n') {
      ++line_;
      return true;
    }
    Complain("text follows a closing quote, expected ',' or the end of the line");
    SkipLine();
    return false;
  }
}

bool CsvReader::Next(std::vector<std::string>& fields) {
  while (at_ < text_.size()) {
    record_line_ = line_;
    if (!ReadRecord(fields)) continue;
    if (fields.size() == 1 && fields[0].empty()) continue;
    return true;
  }
  return false;
}

}  // namespace occvla::data

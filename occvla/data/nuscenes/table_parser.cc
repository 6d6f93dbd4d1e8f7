#include "occvla/data/nuscenes/table_parser.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/json.h"
#include "occvla/base/text.h"
#include "occvla/data/nuscenes/complaints.h"
#include "occvla/data/nuscenes/table_fields.h"

namespace occvla::data::nuscenes {
namespace {

namespace ondemand = simdjson::ondemand;

static_assert(kTablePadding > simdjson::SIMDJSON_PADDING);

constexpr size_t kNotFound = std::numeric_limits<size_t>::max();

std::string Excerpt(const nlohmann::json& value) {
  const std::string text = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return Printable(text, 80);
}

// Raw strings end at their quote; `name` holds neither quotes nor escapes.
bool IsName(const char* key, std::string_view name) {
  return std::memcmp(key, name.data(), name.size()) == 0 && key[name.size()] == '"';
}

}  // namespace

void TableBlock::Complain(RecordComplaint complaint) {
  if (damaged.empty() || damaged.back() != complaint.record) damaged.push_back(complaint.record);
  ++complaint_count;
  if (complaints.size() < Complaints::kMostKept) complaints.push_back(std::move(complaint));
}

size_t RecordEnd(std::string_view text, size_t begin) {
  size_t depth = 0;
  for (size_t at = begin; at < text.size(); ++at) {
    switch (text[at]) {
      case '{':
      case '[':
        ++depth;
        break;
      case '}':
      case ']':
        if (--depth == 0) return at + 1;
        break;
      case '"':
        for (++at; at < text.size() && text[at] != '"'; ++at)
          if (text[at] == '\\') ++at;
        break;
      default:
        break;
    }
  }
  return std::string_view::npos;
}

struct TableParser::Impl {
  std::span<const FieldSpec> fields;
  const std::byte* prototype;
  size_t row_size;
  uint32_t required = 0;
  // Which field stood at each place of the record before: files keep one order.
  std::vector<size_t> order;
  ondemand::parser parser, record_parser;
  size_t usual_rows = 0;

  std::byte* AddRow(TableBlock& block) const {
    const size_t at = block.rows.size();
    block.rows.insert(block.rows.end(), prototype, prototype + row_size);
    ++block.row_count;
    return block.rows.data() + at;
  }

  size_t FieldAt(size_t place, const char* key) {
    if (place < order.size() && IsName(key, fields[order[place]].name)) return order[place];
    for (size_t index = 0; index < fields.size(); ++index) {
      if (!IsName(key, fields[index].name)) continue;
      if (place < order.size()) order[place] = index;
      return index;
    }
    return kNotFound;
  }

  bool Fill(ondemand::object& object, std::byte* row, TableBlock& block) {
    uint32_t seen = 0;
    size_t place = 0;
    for (auto result : object) {
      ondemand::field field;
      if (std::move(result).get(field)) return false;
      const size_t index = FieldAt(place++, field.key().raw());
      if (index == kNotFound || (seen >> index & 1)) return false;
      seen |= uint32_t{1} << index;
      if (!SetField(fields[index].kind, field.value(), row + fields[index].offset, block))
        return false;
    }
    return (seen & required) == required;
  }

  // Everything as it should be; false at the first doubt.
  bool ParseFast(const TableText& text, TableBlock& block) {
    char* const data = text.data - 1;
    data[0] = '[';
    data[text.size + 1] = ']';
    const size_t size = text.size + 2;
    ondemand::document document;
    ondemand::array records;
    if (parser.iterate(data, size, size + simdjson::SIMDJSON_PADDING).get(document)) return false;
    if (document.get_array().get(records)) return false;
    for (auto element : records) {
      ondemand::object object;
      if (element.get_object().get(object)) return false;
      if (!Fill(object, AddRow(block), block)) return false;
    }
    return document.current_location().error() == simdjson::OUT_OF_BOUNDS;
  }

  // One record that the fast way stumbled over or stopped before: says what is wrong with it.
  void ParseRecord(std::string_view text, uint64_t offset, TableBlock& block) {
    const auto record = static_cast<uint32_t>(block.row_count);
    std::byte* const row = AddRow(block);
    nlohmann::json document;
    try {
      document = ParseJson(text, "");
    } catch (const DataError& error) {
      block.Complain({record, "", fmt::format("from byte {} on{}", offset, error.what())});
      return;
    }
    for (const FieldSpec& field : fields) {
      const auto value = document.find(field.name);
      if (value == document.end()) {
        if (field.kind != FieldKind::kOptionalCount)
          block.Complain({record, std::string(field.name), "is missing"});
        continue;
      }
      const simdjson::padded_string padded("[" + value->dump() + "]");
      ondemand::document list;
      ondemand::value item;
      ondemand::array array;
      bool good = !record_parser.iterate(padded).get(list) && !list.get_array().get(array);
      good =
          good && !array.at(0).get(item) && SetField(field.kind, item, row + field.offset, block);
      if (!good) {
        block.Complain({record, std::string(field.name),
                        "must be " + Expectation(field.kind) + ", but is " + Excerpt(*value)});
      }
    }
    ComplainOfUnknown(document, record, block);
  }

  void ComplainOfUnknown(const nlohmann::json& document, uint32_t record, TableBlock& block) {
    std::vector<std::string> known;
    for (const FieldSpec& field : fields) known.emplace_back(field.name);
    for (const auto& [name, value] : document.items()) {
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      const std::vector<std::string> nearest = Nearest(name, known, 1);
      block.Complain({record, Printable(name, 60),
                      nearest.empty() ? "is no field of this table"
                                      : "is no field of this table; did you mean " +
                                            Quoted(nearest.front()) + "?"});
    }
  }

  void ParseSlow(const TableText& piece, TableBlock& block) {
    const std::string_view text(piece.data, piece.size);
    const auto skip_blanks = [&](size_t at) {
      while (at < text.size() && IsBlank(text[at])) ++at;
      return at;
    };
    const auto broken = [&](size_t at, const std::string& expected) {
      block.end = TableBlock::End::kBroken;
      block.Complain({static_cast<uint32_t>(block.row_count), "",
                      fmt::format("at byte {}: expected {}, found {}", piece.offset + at, expected,
                                  Quoted(text.substr(at, 1)))});
    };
    for (size_t at = skip_blanks(0); at < text.size();) {
      if (text[at] != '{') return broken(at, "a record, which begins with '{'");
      const size_t end = RecordEnd(text, at);
      if (end == std::string_view::npos) {
        block.end = TableBlock::End::kCutInTwo;
        return;
      }
      ParseRecord(text.substr(at, end - at), piece.offset + at, block);
      at = skip_blanks(end);
      if (at == text.size()) return;
      if (text[at] != ',') return broken(at, "',' or ']' after the record before");
      at = skip_blanks(at + 1);
      if (at == text.size()) {
        --at;
        return broken(at, "a record after the last ','");
      }
    }
  }
};

TableParser::TableParser(std::span<const FieldSpec> fields, const std::byte* prototype,
                         size_t row_size)
    : impl_(std::make_unique<Impl>()) {
  impl_->fields = fields;
  impl_->prototype = prototype;
  impl_->row_size = row_size;
  for (size_t index = 0; index < fields.size(); ++index) {
    impl_->order.push_back(index);
    if (fields[index].kind != FieldKind::kOptionalCount) impl_->required |= uint32_t{1} << index;
  }
}

TableParser::~TableParser() = default;

TableBlock TableParser::Parse(const TableText& text) {
  TableBlock block;
  // The byte before and the byte behind are the parser's for the time of the fast way.
  const char before = text.data[-1], behind = text.data[text.size];
  block.rows.reserve(impl_->usual_rows * impl_->row_size);
  const bool good = impl_->ParseFast(text, block);
  text.data[-1] = before;
  text.data[text.size] = behind;
  if (!good) {
    block = TableBlock();
    impl_->ParseSlow(text, block);
  }
  impl_->usual_rows = std::max(impl_->usual_rows, block.row_count);
  return block;
}

}  // namespace occvla::data::nuscenes

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "occvla/base/error.h"
#include "occvla/data/nuscenes/table_parser.h"
#include "occvla/data/nuscenes/table_reader.h"

namespace {

using namespace occvla::data::nuscenes;

// Reads the text as records of one table. Whatever is in it, rows and complaints must fit each
// other, and what rows point to must be there.
template <typename Raw>
void Parse(std::string_view text) {
  const TableKind kind = KindOf<Raw>();
  TableParser parser(kind.fields, kind.prototype, kind.row_size);
  std::vector<char> buffer(text.size() + 1 + kTablePadding);
  std::copy(text.begin(), text.end(), buffer.begin() + 1);
  TableBlock block = parser.Parse({buffer.data() + 1, text.size(), 0});
  if (block.rows.size() != block.row_count * sizeof(Raw)) __builtin_trap();
  if (block.complaint_count < block.complaints.size()) __builtin_trap();
  for (size_t i = 0; i < block.row_count; ++i) {
    for (const FieldSpec& field : kind.fields) {
      const std::byte* place = block.rows.data() + i * sizeof(Raw) + field.offset;
      if (field.kind == FieldKind::kTokens) {
        const auto& range = *reinterpret_cast<const Range*>(place);
        if (range.begin > range.end || range.end > block.tokens.size()) __builtin_trap();
      } else if (field.kind == FieldKind::kText || field.kind == FieldKind::kPath ||
                 field.kind == FieldKind::kRepeated) {
        const auto& ref = *reinterpret_cast<const TextRef*>(place);
        if (ref.offset + ref.size > block.text.size()) __builtin_trap();
      }
    }
  }
}

}  // namespace

// The first byte chooses the table.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    switch (data[0] % 6) {
      case 0:
        return Parse<RawSampleData>(text), 0;
      case 1:
        return Parse<RawAnnotation>(text), 0;
      case 2:
        return Parse<RawCalibratedSensor>(text), 0;
      case 3:
        return Parse<RawMap>(text), 0;
      case 4:
        return Parse<RawVisibility>(text), 0;
      default:
        return Parse<RawSensor>(text), 0;
    }
  } catch (const occvla::Error&) {
  }
  return 0;
}

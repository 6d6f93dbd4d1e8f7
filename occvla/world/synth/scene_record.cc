#include "occvla/world/synth/scene_record.h"

#include <charconv>
#include <system_error>

#include "occvla/base/error.h"
#include "occvla/base/files.h"

namespace occvla::world::synth {
namespace {

constexpr std::string_view kHead = "occvla scene record 1", kEnd = "end";
constexpr size_t kMaxBytes = size_t{256} << 20;

/// The text's lines one after the other.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {}

  std::optional<std::string_view> Next() {
    const size_t end = text_.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    const auto line = text_.substr(0, end);
    text_.remove_prefix(end + 1);
    return line;
  }
  /// A line `<name> <count>`; no count above what the rest of the text can hold.
  std::optional<size_t> Count(std::string_view name) {
    const auto line = Next();
    if (!line || !line->starts_with(name) || line->size() <= name.size() ||
        (*line)[name.size()] != ' ') {
      return std::nullopt;
    }
    const auto count = Number(line->substr(name.size() + 1));
    if (!count || *count > text_.size()) return std::nullopt;
    return *count;
  }
  static std::optional<uint64_t> Number(std::string_view digits) {
    uint64_t value = 0;
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (result.ec != std::errc() || result.ptr != digits.data() + digits.size())
      return std::nullopt;
    return value;
  }
  bool done() const { return text_.empty(); }

 private:
  std::string_view text_;
};

}  // namespace

std::string ToText(const SceneRecord& record) {
  std::string text(kHead);
  text += "\nfiles " + std::to_string(record.files.size()) + "\n";
  for (const auto& file : record.files) text += std::to_string(file.bytes) + " " + file.path + "\n";
  for (size_t part = 0; part < kPartNames.size(); ++part) {
    text += std::string(kPartNames[part]) + " " + std::to_string(record.rows[part].size()) + "\n";
    for (const auto& row : record.rows[part]) {
      OCCVLA_DCHECK(row.find('\n') == std::string::npos);
      text += row + "\n";
    }
  }
  return text + std::string(kEnd) + "\n";
}

std::optional<SceneRecord> ParseSceneRecord(std::string_view text) {
  SceneRecord record;
  Lines lines(text);
  if (lines.Next() != kHead) return std::nullopt;
  const auto files = lines.Count("files");
  if (!files) return std::nullopt;
  for (size_t i = 0; i < *files; ++i) {
    const auto line = lines.Next();
    const size_t blank = line ? line->find(' ') : std::string_view::npos;
    if (blank == std::string_view::npos) return std::nullopt;
    const auto bytes = Lines::Number(line->substr(0, blank));
    if (!bytes) return std::nullopt;
    record.files.push_back({std::string(line->substr(blank + 1)), *bytes});
  }
  for (size_t part = 0; part < kPartNames.size(); ++part) {
    const auto rows = lines.Count(kPartNames[part]);
    if (!rows) return std::nullopt;
    for (size_t i = 0; i < *rows; ++i) {
      const auto line = lines.Next();
      if (!line) return std::nullopt;
      record.rows[part].emplace_back(*line);
    }
  }
  if (lines.Next() != kEnd || !lines.done()) return std::nullopt;
  return record;
}

std::optional<SceneRecord> ReadWholeScene(const std::filesystem::path& record,
                                          const std::filesystem::path& data_set) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(record, error)) return std::nullopt;
  auto scene = ParseSceneRecord(ReadTextFile(record, kMaxBytes));
  if (!scene) return std::nullopt;
  for (const auto& file : scene->files) {
    const auto bytes = std::filesystem::file_size(data_set / file.path, error);
    if (error || bytes != file.bytes) return std::nullopt;
  }
  return scene;
}

}  // namespace occvla::world::synth

#include "occvla/data/nuscenes/table_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "occvla/base/error.h"
#include "occvla/base/text.h"

namespace occvla::data::nuscenes {
namespace {

constexpr size_t kLook = 1 << 14;  // Bytes that are looked at for a cut or a bracket at a time.

// The first `}` `,` `{` at or behind `at`: where the comma and the second bracket are.
std::optional<std::pair<size_t, size_t>> FindCut(std::string_view text, size_t at) {
  for (size_t close = text.find('}', at); close != std::string_view::npos;
       close = text.find('}', close + 1)) {
    size_t comma = close + 1;
    while (comma < text.size() && IsBlank(text[comma])) ++comma;
    if (comma == text.size() || text[comma] != ',') continue;
    size_t open = comma + 1;
    while (open < text.size() && IsBlank(text[open])) ++open;
    if (open < text.size() && text[open] == '{') return std::pair{comma, open};
  }
  return std::nullopt;
}

}  // namespace

TableFile::TableFile(const std::filesystem::path& path, size_t piece_bytes)
    : path_(path), piece_bytes_(piece_bytes) {
  fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status {};
  if (fd_ < 0) {
    throw DataError(errno == ENOENT
                        ? "is missing"
                        : "cannot be opened: " + std::generic_category().message(errno));
  }
  if (::fstat(fd_, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(fd_);
    throw DataError("is no regular file");
  }
  size_ = static_cast<uint64_t>(status.st_size);
}

TableFile::~TableFile() {
  if (fd_ >= 0) ::close(fd_);
}

size_t TableFile::piece_count() const { return (size_ + piece_bytes_ - 1) / piece_bytes_; }

size_t TableFile::ReadInto(uint64_t offset, char* to, size_t count) const {
  size_t done = 0;
  while (done < count) {
    const ssize_t got = ::pread(fd_, to + done, count - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      throw DataError(fmt::format("{}: reading stopped at byte {}: {}.", path_.string(),
                                  offset + done, std::generic_category().message(errno)));
    }
    if (got == 0) {
      throw DataError(fmt::format("{}: became shorter while it was read: ended at byte {} of {}.",
                                  path_.string(), offset + done, size_));
    }
    done += static_cast<size_t>(got);
  }
  return done;
}

std::string TableFile::ReadAt(uint64_t offset, size_t count) const {
  std::string text(std::min<uint64_t>(count, size_ - offset), '\0');
  ReadInto(offset, text.data(), text.size());
  return text;
}

std::optional<std::string> TableFile::FindBody() {
  const std::string head = ReadAt(0, kLook);
  const size_t open =
      static_cast<size_t>(std::find_if_not(head.begin(), head.end(), IsBlank) - head.begin());
  if (open == head.size()) {
    return size_ == 0 ? "is empty; expected a list of records"
                      : fmt::format("begins with {} blanks; expected a list of records", open);
  }
  if (head[open] != '[') {
    return fmt::format("begins with {} at byte {}; expected '[' and a list of records",
                       Quoted(std::string_view(head).substr(open, 1)), open);
  }
  begin_ = open + 1;
  const uint64_t tail_at = size_ - std::min<uint64_t>(size_, kLook);
  const std::string tail = ReadAt(tail_at, kLook);
  size_t close = tail.size();
  while (close > 0 && IsBlank(tail[close - 1])) --close;
  end_ = tail_at + close - 1;
  if (close == 0 || tail[close - 1] != ']' || end_ < begin_) {
    return fmt::format(
        "is cut short at byte {}: its list of records has no closing ']'. Copy or unpack it again",
        size_);
  }
  return std::nullopt;
}

TableFile::Piece TableFile::Read(size_t k, std::vector<char>& buffer) const {
  const uint64_t from = k * piece_bytes_;
  const uint64_t to = std::min<uint64_t>(size_, from + piece_bytes_);
  size_t held = 0;  // Bytes of the file in the buffer, from `from` on.
  const auto read_to = [&](uint64_t end) {
    end = std::min(end, end_ + 1);
    if (end <= from + held) return;
    buffer.resize(end - from + kTablePadding);
    held += ReadInto(from + held, buffer.data() + held, end - from - held);
  };
  // The whole piece, though a list may have ended before.
  buffer.resize(to - from + kTablePadding);
  held = ReadInto(from, buffer.data(), to - from);
  Piece piece{.bytes = {buffer.data(), held}, .records = {}, .complaint = {}};
  if (from >= end_) return piece;

  const auto text = [&] { return std::string_view(buffer.data(), std::min(held, end_ - from)); };
  // The first cut at or behind byte `from_at` of the file, reading on as far as need be.
  const auto cut_behind = [&](uint64_t from_at) -> std::optional<Cut> {
    if (!cuts_.empty()) return cuts_[from_at / piece_bytes_ - 1];
    for (size_t look = kLook;; look *= 2) {
      read_to(std::max<uint64_t>(from_at, from + held) + look);
      if (const auto cut = FindCut(text(), from_at - from))
        return Cut{from + cut->first, from + cut->second};
      const bool all = from + held > end_;
      if (all) return Cut{end_, end_};
      if (from + held > from_at + kMostRecordBytes + piece_bytes_) return std::nullopt;
    }
  };
  std::optional<Cut> first = Cut{begin_, begin_}, last = Cut{end_, end_};
  if (k > 0) first = cut_behind(from);
  if (first && from + piece_bytes_ < end_) last = cut_behind(from + piece_bytes_);
  if (!first || !last) {
    piece.complaint = fmt::format(
        "holds no end of a record between byte {} and byte {}; a record "
        "may have at most {} bytes",
        first ? from + piece_bytes_ : from, from + held, kMostRecordBytes);
  } else if (first->record < last->comma) {
    read_to(last->comma + 1);
    piece.records = {buffer.data() + (first->record - from), last->comma - first->record,
                     first->record};
  }
  piece.bytes = {buffer.data(), to - from};
  return piece;
}

std::string_view TableFile::ReadBytes(size_t k, std::vector<char>& buffer) const {
  const uint64_t from = k * piece_bytes_;
  buffer.resize(std::min<uint64_t>(piece_bytes_, size_ - from));
  return {buffer.data(), ReadInto(from, buffer.data(), buffer.size())};
}

void TableFile::FindCuts() {
  cuts_.clear();
  std::vector<Cut> cuts;
  std::vector<char> buffer(kPieceBytes);
  size_t depth = 0;
  bool in_text = false, escaped = false;
  uint64_t comma = 0;
  bool after_comma = false;
  for (uint64_t from = begin_; from < end_; from += buffer.size()) {
    const size_t count = std::min<uint64_t>(buffer.size(), end_ - from);
    ReadInto(from, buffer.data(), count);
    for (size_t i = 0; i < count; ++i) {
      const char c = buffer[i];
      if (in_text) {
        in_text = escaped || c != '"';
        escaped = !escaped && c == '\\';
      } else if (c == '"') {
        in_text = true;
      } else if (c == '{' || c == '[') {
        // As far as the records' own brackets are sound, these are the cuts.
        if (depth == 0 && after_comma) {
          while ((cuts.size() + 1) * piece_bytes_ <= comma) cuts.push_back({comma, from + i});
        }
        ++depth;
        after_comma = false;
      } else if ((c == '}' || c == ']') && depth > 0) {
        --depth;
      } else if (c == ',' && depth == 0) {
        comma = from + i;
        after_comma = true;
      }
    }
  }
  cuts.resize(piece_count(), Cut{end_, end_});
  cuts_ = std::move(cuts);
}

}  // namespace occvla::data::nuscenes

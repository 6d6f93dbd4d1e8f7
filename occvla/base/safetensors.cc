#include "occvla/base/safetensors.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/safetensors_header.h"
#include "occvla/base/text.h"

namespace occvla {
namespace {

constexpr std::string_view kDamaged =
    "The file is damaged or not safetensors: fetch or convert it again.";

// Whether a value of `width` bits at `data` is NaN or infinite: all exponent bits set, or for
// F8_E4M3, which has no infinity, all bits but the sign.
template <typename Word>
void CountNonFinite(std::span<const std::byte> bytes, Word exponent, uint64_t* count,
                    uint64_t* first) {
  const uint64_t elements = bytes.size() / sizeof(Word);
  constexpr uint64_t kBlock = 4096;
  for (uint64_t start = 0; start < elements; start += kBlock) {
    const uint64_t end = std::min(elements, start + kBlock);
    uint32_t found = 0;
    for (uint64_t i = start; i < end; ++i) {
      Word word;  // The mapping may start at any byte.
      std::memcpy(&word, bytes.data() + i * sizeof(Word), sizeof(Word));
      found += (word & exponent) == exponent;
    }
    if (found == 0) continue;
    if (*count == 0) {
      for (*first = start;; ++*first) {
        Word word;
        std::memcpy(&word, bytes.data() + *first * sizeof(Word), sizeof(Word));
        if ((word & exponent) == exponent) break;
      }
    }
    *count += found;
  }
}

// The alignment that the place in the order promises: the largest power of two that divides the
// size, at most 64. Nothing is aligned to everything.
uint64_t Alignment(uint64_t bytes) {
  return bytes == 0 ? 64 : std::min<uint64_t>(64, bytes & -bytes);
}

}  // namespace

int64_t TensorView::elements() const {
  int64_t elements = 1;
  for (const int64_t size : shape) elements *= size;
  return elements;
}

SafetensorsContents ParseSafetensors(std::span<const std::byte> file, const std::string& where) {
  const auto fail = [&](const std::string& problem) {
    throw CheckpointError(where + ": " + problem + ". " + std::string(kDamaged));
  };
  if (file.size() < 8) {
    fail("expected 8 bytes of header length at byte 0, found the end of the file at byte " +
         std::to_string(file.size()));
  }
  uint64_t header_size = 0;
  for (size_t i = 0; i < 8; ++i)
    header_size |= static_cast<uint64_t>(std::to_integer<uint8_t>(file[i])) << (8 * i);
  if (header_size > kMaxSafetensorsHeader) {
    fail("the header length at byte 0 is " + std::to_string(header_size) + ", at most " +
         std::to_string(kMaxSafetensorsHeader) + " is allowed");
  }
  if (header_size > file.size() - 8) {
    fail("the header should take " + std::to_string(header_size) +
         " bytes from byte 8, but the file ends at byte " + std::to_string(file.size()));
  }
  const auto header = file.subspan(8, header_size);
  const auto data = file.subspan(8 + header_size);
  SafetensorsHeader parsed =
      ParseSafetensorsHeader({reinterpret_cast<const char*>(header.data()), header.size()}, where);

  SafetensorsContents contents;
  contents.metadata = std::move(parsed.metadata);
  std::vector<const std::pair<const std::string, SafetensorsEntry>*> by_place;
  by_place.reserve(parsed.tensors.size());
  for (const auto& named : parsed.tensors) by_place.push_back(&named);
  std::sort(by_place.begin(), by_place.end(), [](const auto* a, const auto* b) {
    return std::pair(a->second.begin, a->second.end) < std::pair(b->second.begin, b->second.end);
  });
  uint64_t end = 0;
  std::string before;
  for (const auto* named : by_place) {
    const auto& [name, entry] = *named;
    const std::string what = "tensor " + Quoted(name);
    const std::string range =
        "data_offsets [" + std::to_string(entry.begin) + ", " + std::to_string(entry.end) + "]";
    if (entry.end > data.size()) {
      fail(what + " has " + range + ", but the data ends at offset " + std::to_string(data.size()));
    }
    if (entry.begin < end)
      fail(what + " has " + range + ", which overlaps tensor " + Quoted(before) +
           " before it, which ends at offset " + std::to_string(end));
    if (entry.begin > end)
      fail(what + " has " + range + ", which leaves a gap after offset " + std::to_string(end));
    end = entry.end;
    before = name;
    TensorView view{entry.dtype, entry.shape, data.subspan(entry.begin, entry.end - entry.begin)};
    contents.tensors.emplace(name, std::move(view));
  }
  if (end != data.size()) {
    fail("the tensors end at offset " + std::to_string(end) + ", but the data goes on to offset " +
         std::to_string(data.size()));
  }
  return contents;
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path)
    : file_(path, ErrorKind::kCheckpoint),
      contents_(ParseSafetensors(file_.bytes(), path.string())) {}

const TensorView& SafetensorsFile::At(std::string_view name) const {
  const auto found = contents_.tensors.find(name);
  if (found != contents_.tensors.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [other, view] : contents_.tensors) names.push_back(other);
  std::vector<std::string> nearest = Nearest(name, names);
  for (std::string& other : nearest) other = Quoted(other);
  throw CheckpointError(path().string() + ": holds no tensor " + Quoted(name) +
                        (nearest.empty() ? "" : "; the nearest are " + Join(nearest, ", ")) +
                        ". Check that the checkpoint is of this model.");
}

std::vector<std::string> FindNonFinite(
    const std::map<std::string, TensorView, std::less<>>& tensors) {
  std::vector<std::string> lines;
  for (const auto& [name, view] : tensors) {
    uint64_t count = 0, first = 0;
    switch (view.dtype) {
      case DType::kF16:
        CountNonFinite<uint16_t>(view.bytes, 0x7C00u, &count, &first);
        break;
      case DType::kBF16:
        CountNonFinite<uint16_t>(view.bytes, 0x7F80u, &count, &first);
        break;
      case DType::kF32:
        CountNonFinite<uint32_t>(view.bytes, 0x7F800000u, &count, &first);
        break;
      case DType::kF64:
        CountNonFinite<uint64_t>(view.bytes, 0x7FF0000000000000u, &count, &first);
        break;
      case DType::kF8E4M3:
        CountNonFinite<uint8_t>(view.bytes, 0x7Fu, &count, &first);
        break;
      case DType::kF8E5M2:
        CountNonFinite<uint8_t>(view.bytes, 0x7Cu, &count, &first);
        break;
      default:
        break;
    }
    if (count == 0) continue;
    lines.push_back("tensor " + Quoted(name) + " (" + std::string(SafetensorsName(view.dtype)) +
                    " " + ShapeText(view.shape) + "): " + std::to_string(count) + " of " +
                    std::to_string(view.elements()) +
                    " values are NaN or infinite, the first at index " + std::to_string(first));
  }
  return lines;
}

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path,
                                     std::vector<Declaration> tensors,
                                     std::map<std::string, std::string> metadata)
    : path_(path), file_(path), order_(std::move(tensors)) {
  std::vector<std::pair<uint64_t, size_t>> sizes;  // Bytes, index.
  for (size_t i = 0; i < order_.size(); ++i) {
    const auto bytes = ByteCount(order_[i].dtype, order_[i].shape);
    if (!bytes) {
      throw CheckpointError(path.string() + ": tensor " + Quoted(order_[i].name) +
                            " cannot be written with shape " + ShapeText(order_[i].shape) +
                            ": sizes must be at least 0 and their product fit into 63 bits.");
    }
    sizes.emplace_back(*bytes, i);
  }
  std::sort(sizes.begin(), sizes.end(), [&](const auto& a, const auto& b) {
    const uint64_t alignment_a = Alignment(a.first), alignment_b = Alignment(b.first);
    if (alignment_a != alignment_b) return alignment_a > alignment_b;
    return order_[a.second].name < order_[b.second].name;
  });
  std::vector<Declaration> sorted;
  for (const auto& [bytes, index] : sizes) sorted.push_back(std::move(order_[index]));
  order_ = std::move(sorted);
  file_.Write(SafetensorsHeaderText(order_, metadata, path.string()));
  if (!order_.empty()) left_ = *ByteCount(order_[0].dtype, order_[0].shape);
  SkipFinished();
}

void SafetensorsWriter::SkipFinished() {
  while (current_ < order_.size() && left_ == 0) {
    if (++current_ < order_.size())
      left_ = *ByteCount(order_[current_].dtype, order_[current_].shape);
  }
}

void SafetensorsWriter::Write(std::span<const std::byte> bytes) {
  if (bytes.size() > left_) {
    throw CheckpointError(
        path_.string() + ": " + std::to_string(bytes.size()) + " bytes were given for " +
        (current_ < order_.size()
             ? "tensor " + Quoted(order_[current_].name) + ", which lacks " + std::to_string(left_)
             : "no tensor: all are written") +
        ". The tensors must come whole and in the writer's order.");
  }
  file_.Write(bytes);
  left_ -= bytes.size();
  SkipFinished();
}

void SafetensorsWriter::Commit() {
  if (current_ < order_.size()) {
    throw CheckpointError(path_.string() + ": tensor " + Quoted(order_[current_].name) + " lacks " +
                          std::to_string(left_) +
                          " bytes. The tensors must come whole and in the writer's order.");
  }
  file_.Commit();
}

void WriteSafetensors(const std::filesystem::path& path,
                      const std::map<std::string, TensorView, std::less<>>& tensors,
                      const std::map<std::string, std::string>& metadata) {
  std::vector<SafetensorsWriter::Declaration> declarations;
  for (const auto& [name, view] : tensors) {
    const auto bytes = ByteCount(view.dtype, view.shape);
    if (!bytes || *bytes != view.bytes.size()) {
      throw CheckpointError(path.string() + ": tensor " + Quoted(name) + " has " +
                            std::to_string(view.bytes.size()) + " bytes, which is not " +
                            std::string(SafetensorsName(view.dtype)) + " " + ShapeText(view.shape) +
                            ".");
    }
    declarations.push_back({name, view.dtype, view.shape});
  }
  SafetensorsWriter writer(path, std::move(declarations), metadata);
  for (const auto& declaration : writer.order())
    writer.Write(tensors.find(declaration.name)->second.bytes);
  writer.Commit();
}

}  // namespace occvla

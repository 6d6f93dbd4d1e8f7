#include "occvla/base/npy.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"

namespace occvla {
namespace {

constexpr size_t kMaxHeader = 65'536;  // NumPy itself reads at most 10,000 by default.
constexpr size_t kMaxRank = 64;        // NumPy's own bound.

struct TypeRow {
  std::string_view name;
  DType dtype;
};
constexpr std::array<TypeRow, 12> kTypes{{{"|b1", DType::kBool},
                                          {"|u1", DType::kU8},
                                          {"|i1", DType::kI8},
                                          {"<u2", DType::kU16},
                                          {"<i2", DType::kI16},
                                          {"<f2", DType::kF16},
                                          {"<u4", DType::kU32},
                                          {"<i4", DType::kI32},
                                          {"<f4", DType::kF32},
                                          {"<u8", DType::kU64},
                                          {"<i8", DType::kI64},
                                          {"<f8", DType::kF64}}};

[[noreturn]] void Fail(const std::string& where, const std::string& problem) {
  throw DataError(where + ": " + problem + ". Save the array again with numpy.save.");
}

struct Header {
  std::optional<DType> dtype;
  std::optional<bool> fortran_order;
  std::optional<std::vector<int64_t>> shape;
};

// The header is a Python dict literal. NumPy evaluates it; this reads just the grammar that
// numpy.save writes: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
class HeaderParser {
 public:
  // `base` is the offset of `text` in the file.
  HeaderParser(std::string_view text, size_t base, const std::string& where)
      : text_(text), base_(base), where_(where) {}

  Header Parse() {
    Expect('{');
    while (!Take('}')) {
      const std::string_view key = QuotedString("a field name in quotes");
      Expect(':');
      Value(key);
      if (Take(',')) continue;
      Expect('}');
      break;
    }
    SkipSpace();
    if (at_ != text_.size()) FailHere("expected nothing after the dict");
    const auto need = [&](bool present, const char* field) {
      if (!present) Fail(where_, "the npy header lacks the field '" + std::string(field) + "'");
    };
    need(header_.dtype.has_value(), "descr");
    need(header_.fortran_order.has_value(), "fortran_order");
    need(header_.shape.has_value(), "shape");
    return std::move(header_);
  }

 private:
  [[noreturn]] void FailHere(const std::string& expected) const {
    const std::string found =
        at_ < text_.size() ? Quoted(text_.substr(at_, 1)) : std::string("the end of the header");
    Fail(where_, "npy header at byte " + std::to_string(base_ + at_) + ": " + expected +
                     ", found " + found);
  }
  void SkipSpace() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool Take(char c) {
    SkipSpace();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void Expect(char c) {
    if (!Take(c)) FailHere(std::string("expected '") + c + "'");
  }
  bool TakeWord(std::string_view word) {
    SkipSpace();
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  std::string_view QuotedString(const std::string& what) {
    SkipSpace();
    if (at_ == text_.size() || (text_[at_] != '\'' && text_[at_] != '"'))
      FailHere("expected " + what);
    const size_t end = text_.find(text_[at_], at_ + 1);
    if (end == std::string_view::npos) FailHere("expected a string that ends");
    const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
    if (inside.find('\\') != std::string_view::npos) FailHere("expected a string without escapes");
    at_ = end + 1;
    return inside;
  }
  void Value(std::string_view key) {
    const auto once = [&](bool seen) {
      if (seen) Fail(where_, "the npy header has the field " + Quoted(key) + " twice");
    };
    if (key == "descr") {
      once(header_.dtype.has_value());
      header_.dtype = Type();
    } else if (key == "fortran_order") {
      once(header_.fortran_order.has_value());
      if (TakeWord("True")) {
        header_.fortran_order = true;
      } else if (TakeWord("False")) {
        header_.fortran_order = false;
      } else {
        FailHere("expected True or False for 'fortran_order'");
      }
    } else if (key == "shape") {
      once(header_.shape.has_value());
      header_.shape = Shape();
    } else {
      Fail(where_, "the npy header has the unknown field " + Quoted(key));
    }
  }
  DType Type() {
    SkipSpace();
    if (at_ < text_.size() && text_[at_] == '[')
      Fail(where_, "holds records of several fields, which are not supported");
    const std::string_view name = QuotedString("a type in quotes for 'descr'");
    for (const TypeRow& row : kTypes)
      if (row.name == name ||
          (row.name[0] == '|' && name.starts_with('<') && name.substr(1) == row.name.substr(1)))
        return row.dtype;
    if (name.starts_with('>')) {
      Fail(where_, "holds big-endian data (" + Quoted(name) +
                       "), which is not supported: convert it to little-endian first");
    }
    if (name.starts_with("|O"))
      Fail(where_, "holds pickled Python objects (\"|O\"), which are never read");
    Fail(where_, "holds the type " + Quoted(name) + ", which is not supported");
  }
  std::vector<int64_t> Shape() {
    std::vector<int64_t> shape;
    Expect('(');
    while (!Take(')')) {
      shape.push_back(Size());
      if (shape.size() > kMaxRank)
        Fail(where_, "the npy header has more than " + std::to_string(kMaxRank) + " dimensions");
      if (Take(',')) continue;
      // (3) is a number in Python, not a tuple.
      if (shape.size() == 1) FailHere("expected ',' after the only size");
      Expect(')');
      break;
    }
    return shape;
  }
  int64_t Size() {
    SkipSpace();
    int64_t value = 0;
    const size_t start = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      if (__builtin_mul_overflow(value, int64_t{10}, &value) ||
          __builtin_add_overflow(value, int64_t{text_[at_] - '0'}, &value))
        Fail(where_, "the npy header has a size that does not fit into 63 bits");
      ++at_;
    }
    if (at_ == start) FailHere("expected a size of at least 0 in 'shape'");
    return value;
  }

  std::string_view text_;  // Outlives the parser, which lives in one call.
  size_t base_;
  const std::string& where_;
  size_t at_ = 0;
  Header header_;
};

// Fortran order: the first index runs fastest in `from`, the last in the result.
std::vector<std::byte> ToRowMajor(std::span<const std::byte> from, size_t element,
                                  std::span<const int64_t> shape) {
  std::vector<std::byte> to(from.size());
  if (to.empty()) return to;
  std::vector<size_t> stride(shape.size()), index(shape.size(), 0);
  size_t next = element;
  for (size_t d = 0; d < shape.size(); ++d) {
    stride[d] = next;
    next *= static_cast<size_t>(shape[d]);
  }
  size_t source = 0;
  for (size_t target = 0; target < to.size(); target += element) {
    std::memcpy(to.data() + target, from.data() + source, element);
    for (size_t d = shape.size(); d-- > 0;) {
      source += stride[d];
      if (++index[d] < static_cast<size_t>(shape[d])) break;
      source -= stride[d] * index[d];
      index[d] = 0;
    }
  }
  return to;
}

}  // namespace

int64_t NpyArray::elements() const {
  int64_t elements = 1;
  for (const int64_t size : shape) elements *= size;
  return elements;
}

namespace {

// What a file's header says, checked against the data behind it.
struct Layout {
  NpyArray array;  // Without its bytes.
  bool columns_first = false;
  size_t data_start = 0;
};

Layout CheckFile(std::span<const std::byte> file, const std::string& where,
                 const NpyLimits& limits) {
  static constexpr std::string_view kMagic = "\x93NUMPY";
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (!text.starts_with(kMagic)) Fail(where, "does not begin with the npy signature");
  if (text.size() < 8) Fail(where, "ends within the npy version at byte 6");
  const auto byte = [&](size_t i) { return std::to_integer<size_t>(file[i]); };
  const size_t major = byte(6), minor = byte(7);
  if (major < 1 || major > 3 || minor != 0) {
    Fail(where, "is of npy version " + std::to_string(major) + "." + std::to_string(minor) +
                    "; 1.0, 2.0 and 3.0 are supported");
  }
  const size_t length_bytes = major == 1 ? 2 : 4;
  const size_t start = 8 + length_bytes;
  if (text.size() < start) Fail(where, "ends within the npy header length at byte 8");
  size_t length = 0;
  for (size_t i = 0; i < length_bytes; ++i) length |= byte(8 + i) << (8 * i);
  if (length > kMaxHeader) {
    Fail(where, "has an npy header of " + std::to_string(length) + " bytes, at most " +
                    std::to_string(kMaxHeader) + " are accepted");
  }
  if (length > text.size() - start) {
    Fail(where, "has an npy header of " + std::to_string(length) + " bytes from byte " +
                    std::to_string(start) + ", but the file ends at byte " +
                    std::to_string(text.size()));
  }
  const Header header = HeaderParser(text.substr(start, length), start, where).Parse();

  const auto bytes = ByteCount(*header.dtype, *header.shape);
  const std::string what =
      std::string(SafetensorsName(*header.dtype)) + " " + ShapeText(*header.shape);
  if (!bytes) Fail(where, "is " + what + ", whose size does not fit into 63 bits");
  if (*bytes > limits.max_array_bytes) {
    Fail(where, "is " + what + " of " + std::to_string(*bytes) + " bytes, at most " +
                    std::to_string(limits.max_array_bytes) + " are accepted here");
  }
  const auto data = file.subspan(start + length);
  if (data.size() != *bytes) {
    Fail(where, "is " + what + " of " + std::to_string(*bytes) + " bytes, but " +
                    std::to_string(data.size()) + " follow the header");
  }
  if (*header.dtype == DType::kBool) {
    const auto bad =
        std::find_if(data.begin(), data.end(), [](std::byte b) { return b > std::byte{1}; });
    if (bad != data.end()) {
      Fail(where, "has the byte " + std::to_string(std::to_integer<int>(*bad)) +
                      " in a bool array at index " + std::to_string(bad - data.begin()));
    }
  }
  return {{*header.dtype, *header.shape, {}},
          *header.fortran_order && header.shape->size() > 1,
          start + length};
}

}  // namespace

NpyArray ParseNpy(std::span<const std::byte> file, const std::string& where,
                  const NpyLimits& limits) {
  Layout layout = CheckFile(file, where, limits);
  const auto data = file.subspan(layout.data_start);
  if (layout.columns_first) {
    layout.array.bytes = ToRowMajor(data, SizeOf(layout.array.dtype), layout.array.shape);
  } else {
    layout.array.bytes.assign(data.begin(), data.end());
  }
  return std::move(layout.array);
}

NpyArray ParseNpy(std::vector<std::byte>&& file, const std::string& where,
                  const NpyLimits& limits) {
  Layout layout = CheckFile(file, where, limits);
  if (layout.columns_first) return ParseNpy(std::span<const std::byte>(file), where, limits);
  file.erase(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(layout.data_start));
  layout.array.bytes = std::move(file);
  return std::move(layout.array);
}

NpyArray ReadNpy(const std::filesystem::path& path, const NpyLimits& limits) {
  return ParseNpy(MappedFile(path).bytes(), path.string(), limits);
}

std::string NpyHeader(DType dtype, std::span<const int64_t> shape) {
  const auto type = std::find_if(kTypes.begin(), kTypes.end(),
                                 [&](const TypeRow& row) { return row.dtype == dtype; });
  if (type == kTypes.end()) {
    throw DataError("NumPy has no type for " + std::string(SafetensorsName(dtype)) +
                    ". Convert the array to F32 before it is written.");
  }
  std::string dict =
      "{'descr': '" + std::string(type->name) + "', 'fortran_order': False, 'shape': (";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) dict += ' ';
    dict += std::to_string(shape[i]);
    if (i + 1 < shape.size() || shape.size() == 1) dict += ',';
  }
  dict += "), }";
  const size_t length = (10 + dict.size() + 1 + 63) / 64 * 64 - 10;
  dict.append(length - dict.size() - 1, ' ');
  dict += '\n';
  std::string header = "\x93NUMPY";
  header += {'\x01', '\x00', static_cast<char>(length & 0xFF), static_cast<char>(length >> 8)};
  return header + dict;
}

void WriteNpy(const std::filesystem::path& path, const NpyArray& array) {
  const auto bytes = ByteCount(array.dtype, array.shape);
  if (!bytes || *bytes != array.bytes.size()) {
    throw DataError(path.string() + ": an array of " + std::to_string(array.bytes.size()) +
                    " bytes cannot be written as " + std::string(SafetensorsName(array.dtype)) +
                    " " + ShapeText(array.shape) + ".");
  }
  const std::string header = NpyHeader(array.dtype, array.shape);
  AtomicFile file(path);
  file.Write(header);
  file.Write(array.bytes);
  file.Commit();
}

}  // namespace occvla

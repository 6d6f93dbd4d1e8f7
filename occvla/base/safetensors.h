#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/base/dtype.h"
#include "occvla/base/files.h"

namespace occvla {

/// One tensor inside a mapped file: row-major, little-endian, not owned.
struct TensorView {
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;

  int64_t elements() const;
};

/// What a safetensors image in memory holds; the views point into it.
struct SafetensorsContents {
  std::map<std::string, TensorView, std::less<>> tensors;
  std::map<std::string, std::string> metadata;
};

/// Validates a whole safetensors image: header length (at most 100 MB) and JSON syntax, fields and
/// known dtypes, shape times size equal to the byte range, ranges that overlap, leave gaps or pass
/// the end, duplicate names, `__metadata__` of strings only. Scalars (shape []) and tensors without
/// elements are fine. Throws CheckpointError that names `where`, the tensor and the offset. BOOL
/// tensors hold bytes that nobody has looked at: compare with 0, never cast to bool.
SafetensorsContents ParseSafetensors(std::span<const std::byte> file, const std::string& where);

/// A safetensors file, mapped and fully validated on opening as `ParseSafetensors` does.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::map<std::string, TensorView, std::less<>>& tensors() const {
    return contents_.tensors;
  }
  const std::map<std::string, std::string>& metadata() const { return contents_.metadata; }
  /// Throws CheckpointError naming the nearest existing names.
  const TensorView& At(std::string_view name) const;
  bool Contains(std::string_view name) const {
    return contents_.tensors.find(name) != contents_.tensors.end();
  }
  const std::filesystem::path& path() const { return file_.path(); }
  /// Asks the kernel to read the file ahead.
  void WillNeed() const { file_.WillNeed(); }

 private:
  MappedFile file_;
  SafetensorsContents contents_;
};

/// What is wrong with the values: one line per floating tensor that holds NaN or infinity, with the
/// count and the first index. Empty when all are finite. Runs over every byte: only on request.
std::vector<std::string> FindNonFinite(
    const std::map<std::string, TensorView, std::less<>>& tensors);

/// Writes a safetensors file tensor by tensor, so that a 6 GB file needs no 6 GB of memory. Names,
/// types and shapes are declared first; data follows in the order of `order()`.
///
/// The format allows no gaps, so alignment comes from the order: tensors whose byte size is a
/// multiple of 64 go first, then those of 32, 16, ... 1; by name within each. The header is padded
/// with spaces. Hence every tensor starts in the file at a multiple of the largest power of two, up
/// to 64, that divides its byte size: at 64 for every weight matrix of a model, and for any tensor
/// at least at a multiple of its element size.
class SafetensorsWriter {
 public:
  struct Declaration {
    std::string name;
    DType dtype = DType::kF32;
    std::vector<int64_t> shape;
  };
  /// Reorders `tensors` as described. Throws CheckpointError for a name that occurs twice, is not
  /// UTF-8 or is "__metadata__", and for a negative or too large shape.
  SafetensorsWriter(const std::filesystem::path& path, std::vector<Declaration> tensors,
                    std::map<std::string, std::string> metadata = {});

  const std::vector<Declaration>& order() const { return order_; }
  /// Appends bytes of the tensor next in order; may come in pieces, none of which passes the end of
  /// its tensor. Throws CheckpointError when a tensor gets more bytes than declared.
  void Write(std::span<const std::byte> bytes);
  /// Throws CheckpointError when bytes are missing; otherwise the file appears under its name.
  void Commit();

 private:
  void SkipFinished();

  std::filesystem::path path_;
  AtomicFile file_;
  std::vector<Declaration> order_;
  size_t current_ = 0;  // Index in order_ of the tensor being written.
  uint64_t left_ = 0;   // Bytes it still lacks.
};

/// All at once, for small things: name -> view.
void WriteSafetensors(const std::filesystem::path& path,
                      const std::map<std::string, TensorView, std::less<>>& tensors,
                      const std::map<std::string, std::string>& metadata = {});

}  // namespace occvla

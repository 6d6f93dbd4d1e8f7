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

/// A safetensors file, mapped and fully validated on opening: header length and JSON syntax, known
/// dtypes, shape times size equal to the byte range, ranges that overlap, leave gaps or pass the
/// end, duplicate names. Throws CheckpointError that names the file, the tensor and the offset.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::map<std::string, TensorView, std::less<>>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  /// Throws CheckpointError naming the nearest existing names.
  const TensorView& At(std::string_view name) const;
  bool Contains(std::string_view name) const { return tensors_.find(name) != tensors_.end(); }
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  MappedFile file_;
  std::map<std::string, TensorView, std::less<>> tensors_;
  std::map<std::string, std::string> metadata_;
};

/// What is wrong with the values: one line per floating tensor that holds NaN or infinity, with the
/// count and the first index. Empty when all are finite. Runs over every byte: only on request.
std::vector<std::string> FindNonFinite(
    const std::map<std::string, TensorView, std::less<>>& tensors);

/// Writes a safetensors file tensor by tensor, so that a 6 GB file needs no 6 GB of memory. Names,
/// types and shapes are declared first; data follows in declared order; every tensor starts at a
/// multiple of 64 bytes in the file (the header is padded with spaces; tensors are ordered by
/// element size, then name, and padding between tensors is never needed inside safetensors' no-gap
/// rule because shapes that break alignment are placed last).
class SafetensorsWriter {
 public:
  struct Declaration {
    std::string name;
    DType dtype = DType::kF32;
    std::vector<int64_t> shape;
  };
  /// Reorders `tensors` as described; read the order back with `order()`.
  SafetensorsWriter(const std::filesystem::path& path, std::vector<Declaration> tensors,
                    std::map<std::string, std::string> metadata = {});

  const std::vector<Declaration>& order() const { return order_; }
  /// Appends bytes of the tensor next in order; may come in pieces. Throws CheckpointError when a
  /// tensor gets more bytes than declared.
  void Write(std::span<const std::byte> bytes);
  /// Throws CheckpointError when bytes are missing; otherwise the file appears under its name.
  void Commit();

 private:
  AtomicFile file_;
  std::vector<Declaration> order_;
  uint64_t expected_ = 0;
  uint64_t header_ = 0;
};

/// All at once, for small things: name -> view.
void WriteSafetensors(const std::filesystem::path& path,
                      const std::map<std::string, TensorView, std::less<>>& tensors,
                      const std::map<std::string, std::string>& metadata = {});

}  // namespace occvla

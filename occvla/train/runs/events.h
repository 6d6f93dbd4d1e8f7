#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "occvla/train/runs/append_file.h"

/// TensorBoard's event files, written without TensorFlow. A file is a row of records
///
///   length u64 | masked CRC-32C of the length u32 | bytes | masked CRC-32C of the bytes u32
///
/// little-endian, each holding one `Event` in protocol-buffer encoding; the first says
/// `file_version` "brain.Event:2". Sources: tensorflow/core/lib/io/record_writer.h (framing),
/// tensorflow/core/util/event.proto and framework/summary.proto (field numbers).
namespace occvla::train {

/// CRC-32C (Castagnoli, polynomial 0x1EDC6F41 reflected), as RFC 3720 appendix B.4 defines it.
uint32_t Crc32c(std::string_view bytes);

/// Writes one event file. A later file of the same folder continues an earlier one. One thread.
class EventWriter {
 public:
  /// Makes `folder/events.out.tfevents.SECONDS.HOST.PID`, a name that sorts after the event files
  /// already there, as readers go by name. It opens with a session's start at `first_step`: of what
  /// earlier files hold, readers forget this step and later ones. Throws as AppendFile does.
  EventWriter(const std::filesystem::path& folder, double time, int64_t first_step = 0);

  /// `value` is kept as float32, as TensorBoard's scalars are. `time` is seconds since 1970.
  void Scalar(int64_t step, double time, std::string_view tag, double value);
  /// `png` is a whole PNG file. Throws DataError when it is none.
  void Picture(int64_t step, double time, std::string_view tag, std::span<const std::byte> png);
  void Sync() { file_.Sync(); }
  const std::filesystem::path& path() const { return path_; }

 private:
  void Write(const std::string& event);

  std::filesystem::path path_;
  AppendFile file_;
};

}  // namespace occvla::train

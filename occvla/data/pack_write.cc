#include <algorithm>
#include <cstring>
#include <system_error>
#include <unordered_set>
#include <vector>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"
#include "occvla/data/complaints.h"
#include "occvla/data/image/image.h"
#include "occvla/data/json_record.h"
#include "occvla/data/loader.h"
#include "occvla/data/pack.h"
#include "occvla/data/pack_format.h"

namespace occvla::data {
namespace {

namespace fs = std::filesystem;

// What a keyframe's labels take at most of those measured.
constexpr uint64_t kLabelBytes = 150'000;

size_t ShardCount(size_t frames, size_t frames_per_shard) {
  return (frames + frames_per_shard - 1) / frames_per_shard;
}

// Adds a file's name and size to the text that becomes the fingerprint.
void DescribeFile(const fs::path& path, const std::string& where, Complaints& complaints,
                  std::string& text) {
  std::error_code error;
  const uint64_t size = fs::file_size(path, error);
  if (error) {
    complaints.Add(where + ": " + path.string(), "no such file");
    return;
  }
  text += ' ' + path.filename().string() + ' ' + std::to_string(size);
}

// One line a keyframe; the hash of its hashes so far keeps the text short.
class Fingerprint {
 public:
  void Add(const std::string& line) {
    const std::string text = hash_ + line;
    hash_ = Sha256(std::as_bytes(std::span(text)));
  }
  const std::string& hash() const { return hash_; }

 private:
  std::string hash_;
};

void CheckSame(const pack::Index& found, const pack::Index& wanted, const fs::path& folder) {
  std::vector<std::string> differ;
  const auto compare = [&](const std::string& name, const std::string& has,
                           const std::string& asked) {
    if (has != asked) differ.push_back(name + " " + has + ", asked for is " + asked);
  };
  compare("version", Printable(found.version), wanted.version);
  compare("split", Printable(found.split), wanted.split);
  compare("size_px", std::to_string(found.size_px), std::to_string(wanted.size_px));
  compare("frames", std::to_string(found.frames), std::to_string(wanted.frames));
  compare("frames_per_shard", std::to_string(found.frames_per_shard),
          std::to_string(wanted.frames_per_shard));
  if (differ.empty() && found.fingerprint != wanted.fingerprint)
    differ.push_back("files of other names or sizes");
  if (differ.empty()) return;
  throw DataError(folder.string() + ": holds another pack: " + Join(differ, "; ") +
                  ". Give an empty folder.");
}

pack::Index WantedIndex(const PackSource& source, const PackOptions& options,
                        const std::string& fingerprint) {
  return {.version = source.version,
          .split = source.split,
          .fingerprint = fingerprint,
          .size_px = options.size_px,
          .frames = source.frames,
          .frames_per_shard = options.frames_per_shard,
          .shards = {}};
}

// A keyframe as it goes into its shard.
struct Packed {
  std::string token;
  std::vector<uint8_t> rgb;
  std::string labels;
  std::string rgb_sha256, labels_sha256;
};

Packed MakePacked(const Frame& frame, int size_px) {
  Sample sample = MakeSample(frame, size_px);
  Packed packed;
  packed.token = std::move(sample.token);
  packed.rgb = std::move(sample.rgb);
  packed.rgb_sha256 = Sha256(std::as_bytes(std::span(packed.rgb)));
  if (sample.labels) {
    packed.labels = pack::EncodeLabels(*sample.labels);
    packed.labels_sha256 = Sha256(std::as_bytes(std::span(packed.labels)));
  }
  return packed;
}

template <typename T>
std::span<const std::byte> Bytes(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

pack::Shard WriteShard(const PackSource& source, const PackOptions& options, size_t number,
                       const fs::path& folder) {
  const size_t first = number * options.frames_per_shard;
  const size_t frames = std::min(options.frames_per_shard, source.frames - first);
  Loader<Packed> loader(
      {.count = source.frames,
       .order = SampleOrder::kAsGiven,
       .begin = first,
       .end = first + frames,
       .threads = options.threads,
       .ahead = 2 * options.threads,
       .interrupt = options.interrupt},
      [&](uint32_t index) { return MakePacked(source.frame(index), options.size_px); });
  const fs::path path = folder / pack::ShardName(number);
  AtomicFile file(path);
  pack::Header header;
  header.size_px = static_cast<uint32_t>(options.size_px);
  file.Write(Bytes(header));
  std::vector<pack::Record> table;
  while (const auto item = loader.Next()) {
    const Packed& packed = item->sample;
    pack::Record& record = table.emplace_back();
    std::copy_n(packed.token.begin(), record.token.size(), record.token.begin());
    record.images_at = file.size();
    std::copy(packed.rgb_sha256.begin(), packed.rgb_sha256.end(), record.images_sha256.begin());
    file.Write(std::as_bytes(std::span(packed.rgb)));
    record.labels_at = file.size();
    record.labels_bytes = packed.labels.size();
    std::copy(packed.labels_sha256.begin(), packed.labels_sha256.end(),
              record.labels_sha256.begin());
    file.Write(std::string_view(packed.labels));
    if (options.on_done) options.on_done(1);
  }
  pack::Trailer trailer{.table_at = file.size(), .frames = table.size()};
  const auto table_bytes = std::as_bytes(std::span(table));
  const std::string hash = Sha256(table_bytes);
  std::copy(hash.begin(), hash.end(), trailer.table_sha256.begin());
  file.Write(table_bytes);
  file.Write(Bytes(trailer));
  const uint64_t size = file.size();
  file.Commit();
  return {.file = path.filename().string(),
          .frames = frames,
          .bytes = size,
          .sha256 = Sha256OfFile(path)};
}

// A run that was killed leaves its temporary files: ".shard-00003.pack.PID.N".
bool IsTemporary(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.starts_with(".shard-") || name.starts_with(".pack.json.");
}

void RemoveTemporaries(const fs::path& folder) {
  std::error_code ignored;
  std::vector<fs::path> temporaries;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (IsTemporary(entry.path())) temporaries.push_back(entry.path());
  for (const fs::path& path : temporaries) fs::remove(path, ignored);
}

bool HoldsOtherFiles(const fs::path& folder) {
  std::error_code ignored;
  const fs::directory_iterator entries(folder, ignored);
  return std::any_of(begin(entries), end(entries),
                     [](const auto& entry) { return !IsTemporary(entry.path()); });
}

}  // namespace

void PackOptions::Validate() const {
  std::vector<std::string> bad;
  if (size_px < 1 || size_px > 4096)
    bad.push_back("size must be 1 to 4096, is " + std::to_string(size_px));
  if (frames_per_shard < 1 || frames_per_shard > 65536)
    bad.push_back("frames a shard must be 1 to 65536, are " + std::to_string(frames_per_shard));
  if (threads < 1 || threads > 256)
    bad.push_back("threads must be 1 to 256, is " + std::to_string(threads));
  if (!bad.empty()) throw ConfigError("pack:\n  - " + Join(bad, "\n  - "));
}

PackPlan PlanPack(const PackSource& source, const PackOptions& options, const fs::path& folder) {
  options.Validate();
  if (source.frames == 0) throw DataError("pack: there are no keyframes to pack.");
  PackPlan plan{.frames = source.frames,
                .shards = ShardCount(source.frames, options.frames_per_shard)};
  Complaints complaints;
  Fingerprint fingerprint;
  std::unordered_set<std::string> tokens;
  for (size_t index = 0; index < source.frames; ++index) {
    const Frame frame = source.frame(index);
    const std::string where = "keyframe " + Printable(frame.token, 60);
    if (!IsToken(frame.token)) complaints.Add(where, "is not a token of 32 hex digits");
    if (!tokens.insert(frame.token).second) complaints.Add(where, "occurs twice");
    std::string line = frame.token;
    for (const CameraImage& image : frame.images) {
      if (image.bytes.empty()) {
        DescribeFile(image.path, where, complaints, line);
      } else {
        line += ' ' + std::to_string(image.bytes.size());
      }
    }
    if (!frame.occupancy.empty()) {
      ++plan.frames_with_labels;
      DescribeFile(frame.occupancy, where, complaints, line);
    }
    fingerprint.Add(line);
  }
  complaints.Throw("pack", "`occvla data check` tells what else is missing.");
  plan.fingerprint = fingerprint.hash();
  plan.image_bytes = pack::ImageBytes(options.size_px) * plan.frames;
  plan.label_bytes = kLabelBytes * plan.frames_with_labels;

  uint64_t done_bytes = 0;
  if (fs::exists(pack::IndexPath(folder))) {
    const pack::Index found = pack::ReadIndex(folder);
    CheckSame(found, WantedIndex(source, options, plan.fingerprint), folder);
    for (const pack::Shard& shard : found.shards) {
      std::error_code error;
      if (fs::file_size(folder / shard.file, error) != shard.bytes || error) continue;
      plan.frames_done += shard.frames;
      done_bytes += shard.bytes;
    }
  } else if (HoldsOtherFiles(folder)) {
    throw DataError(folder.string() +
                    ": holds other files and no pack.json. Give an empty folder.");
  }
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) ThrowWriteError(folder, error.value());
  const uint64_t needed = plan.image_bytes + plan.label_bytes;
  const uint64_t left = needed - std::min(needed, done_bytes);
  const fs::space_info space = fs::space(folder, error);
  if (!error && space.available < left) {
    throw DeviceError(folder.string() + ": the pack takes " + std::to_string(left >> 20) +
                      " MiB more, but the disk has " + std::to_string(space.available >> 20) +
                      " MiB. Make room, or give a folder on another disk.");
  }
  return plan;
}

void WritePack(const PackSource& source, const PackOptions& options, const PackPlan& plan,
               const fs::path& folder) {
  pack::Index index = WantedIndex(source, options, plan.fingerprint);
  if (fs::exists(pack::IndexPath(folder))) {
    index = pack::ReadIndex(folder);
    CheckSame(index, WantedIndex(source, options, plan.fingerprint), folder);
  } else {
    pack::WriteIndex(folder, index);
  }
  RemoveTemporaries(folder);
  for (size_t number = 0; number < plan.shards; ++number) {
    const bool listed = number < index.shards.size();
    std::error_code error;
    if (listed) {
      const pack::Shard& shard = index.shards[number];
      if (fs::file_size(folder / shard.file, error) == shard.bytes && !error) continue;
    }
    const pack::Shard shard = WriteShard(source, options, number, folder);
    if (!listed) {
      index.shards.push_back(shard);
      pack::WriteIndex(folder, index);
    } else if (shard.sha256 != index.shards[number].sha256) {
      throw DataError((folder / shard.file).string() +
                      ": was packed from other images than are there now. Pack into an empty "
                      "folder.");
    }
  }
}

}  // namespace occvla::data

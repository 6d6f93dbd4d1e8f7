#include "occvla/data/nuscenes/check_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <set>
#include <thread>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/text.h"
#include "occvla/data/image/image.h"
#include "occvla/data/nuscenes/parallel.h"

namespace occvla::data::nuscenes {
namespace {

namespace fs = std::filesystem;

constexpr size_t kRowsPerPiece = 2048;
constexpr uintmax_t kPointBytes = 20;

/// The bytes of a file from `offset` (from its end where negative), at most `count`.
std::string Peek(const fs::path& path, std::streamoff offset, std::streamsize count) {
  std::ifstream file(path, std::ios::binary);
  file.seekg(offset, offset < 0 ? std::ios::end : std::ios::beg);
  if (!file) {  // Shorter than that: from its start.
    file.clear();
    file.seekg(0);
  }
  std::string bytes(static_cast<size_t>(count), '\0');
  file.read(bytes.data(), count);
  bytes.resize(static_cast<size_t>(file.gcount()));
  return bytes;
}

std::string ImageProblem(const fs::path& path, std::string_view name, const SampleDataRow& row,
                         FileCheck level) {
  ImageSize size;
  try {
    size = ReadImageSize(path);
    if (level == FileCheck::kRead) (void)ReadImage(path);
  } catch (const Error& error) {
    return error.what();
  }
  if (size.width_px != row.width_px || size.height_px != row.height_px) {
    return fmt::format("{}: is {} x {} pixels, but sample_data says {} x {}.", name, size.width_px,
                       size.height_px, row.width_px, row.height_px);
  }
  // Some writers pad the end: the mark need not be the very last.
  const bool jpeg = Peek(path, 0, 2) == "\xff\xd8";
  const std::string end = Peek(path, -256, 256);
  if (end.find(jpeg ? "\xff\xd9" : "IEND") == std::string::npos)
    return fmt::format("{}: stops before its end mark, it is cut off.", name);
  return "";
}

std::string LidarProblem(const fs::path& path, std::string_view name, FileCheck level) {
  std::error_code error;
  const uintmax_t bytes = fs::file_size(path, error);
  if (error) return fmt::format("{}: {}.", name, error.message());
  if (bytes == 0) return fmt::format("{}: is empty.", name);
  if (bytes % kPointBytes != 0) {
    return fmt::format("{}: {} bytes are no whole number of points of 20 bytes, it is cut off.",
                       name, bytes);
  }
  if (level != FileCheck::kRead) return "";
  try {
    (void)ReadLidar(path);
  } catch (const Error& problem) {
    return problem.what();
  }
  return "";
}

std::string RadarProblem(const fs::path& path, std::string_view name) {
  if (Peek(path, 0, 6) == "# .PCD") return "";
  return fmt::format("{}: does not start as a PCD file does.", name);
}

/// What one piece of sample_data gave.
struct Piece {
  std::vector<uint32_t> missing;                          // Rows.
  std::vector<std::pair<uint32_t, std::string>> damaged;  // At most CheckPart::kMostTexts.
  uint64_t damaged_count = 0;
};

Piece CheckRows(const Tables& tables, const CheckOptions& options, size_t begin, size_t end) {
  const Tables::Spans& rows = tables.rows();
  Piece piece;
  for (size_t index = begin; index < end; ++index) {
    const SampleDataRow& row = rows.sample_data[index];
    const std::string_view name = tables.Text(row.filename);
    std::error_code error;
    const fs::path path = options.dataset.dataroot / name;
    if (!fs::is_regular_file(path, error)) {
      piece.missing.push_back(static_cast<uint32_t>(index));
      continue;
    }
    const Modality modality =
        rows.sensor[rows.calibrated_sensor[row.calibrated_sensor].sensor].modality;
    std::string problem = FileProblem(options.dataset.dataroot, name, modality, row, options.files);
    if (problem.empty()) continue;
    ++piece.damaged_count;
    if (piece.damaged.size() < CheckPart::kMostTexts)
      piece.damaged.emplace_back(static_cast<uint32_t>(index), std::move(problem));
  }
  return piece;
}

std::vector<Piece> CheckAllRows(const Tables& tables, const CheckOptions& options) {
  const size_t count = tables.rows().sample_data.size();
  std::vector<Piece> pieces((count + kRowsPerPiece - 1) / kRowsPerPiece);
  const size_t threads =
      options.threads > 0 ? options.threads : std::max(1u, std::thread::hardware_concurrency());
  std::atomic<uint64_t> done = 0;
  ForEachIndex(pieces.size(), threads, [&](size_t thread, size_t index) {
    const size_t begin = index * kRowsPerPiece, end = std::min(count, begin + kRowsPerPiece);
    pieces[index] = CheckRows(tables, options, begin, end);
    done += end - begin;
    if (thread == 0 && options.progress) options.progress(done, count);
  });
  return pieces;
}

std::array<FilePresence, 2> MakePresence(const Tables& tables) {
  const Tables::Spans& rows = tables.rows();
  std::vector<std::string> scenes, channels;
  for (const SceneRow& scene : rows.scene) scenes.emplace_back(tables.Text(scene.name));
  for (const SensorRow& sensor : rows.sensor) channels.emplace_back(tables.Text(sensor.channel));
  std::array<FilePresence, 2> families = {FilePresence("sweep", scenes, channels),
                                          FilePresence("keyframe", scenes, channels)};
  for (FilePresence& family : families) {
    for (size_t index = 0; index < rows.scene.size(); ++index)
      family.logs[index] = rows.scene[index].log;
    for (size_t kind = 0; kind < channels.size(); ++kind) {
      const bool camera =
          std::find(kCameraNames.begin(), kCameraNames.end(), channels[kind]) != kCameraNames.end();
      family.optional[kind] =
          family.family == "sweep" || !(camera || channels[kind] == "LIDAR_TOP");
    }
  }
  return families;
}

/// Marks a set of whole scenes in words: "all 12 scenes of 2 of 4 logs" where it is that.
std::string LogRemark(const FilePresence& presence, const std::vector<bool>& gone) {
  std::set<uint32_t> all(presence.logs.begin(), presence.logs.end()), touched, kept;
  for (size_t scene = 0; scene < gone.size(); ++scene)
    (gone[scene] ? touched : kept).insert(presence.logs[scene]);
  for (const uint32_t log : touched)
    if (kept.count(log) > 0) return "";
  return fmt::format("; they are all scenes of {} of {} logs", touched.size(), all.size());
}

/// Finds what lacks as a whole, kinds first, then scenes, then kinds of a scene.
class Grouper {
 public:
  explicit Grouper(const FilePresence& presence)
      : presence_(presence),
        kind_gone_(presence.kinds.size(), false),
        scene_gone_(presence.scenes.size(), false) {
    groups_.covered.assign(presence.cells.size(), false);
  }

  MissingGroups Group() {
    FindKinds();
    FindScenes();
    return std::move(groups_);
  }

 private:
  using Cell = FilePresence::Cell;

  static bool IsEmpty(const Cell& cell) { return cell.total > 0 && cell.missing == cell.total; }
  size_t Index(size_t scene, size_t kind) const { return scene * presence_.kinds.size() + kind; }
  const Cell& CellOf(size_t scene, size_t kind) const {
    return presence_.cells[Index(scene, kind)];
  }

  void FindKinds();
  void FindScenes();
  void FindKindsOfScene(size_t scene);
  void AddKinds(const std::vector<std::string>& needed, uint64_t files, bool everything);
  void AddScenes(const std::vector<std::string>& gone, size_t with_files);

  const FilePresence& presence_;  // Not owned; outlives the call.
  MissingGroups groups_;
  std::vector<bool> kind_gone_, scene_gone_;
  std::vector<std::string> in_scene_;  // "scene-0001: none of its 40 keyframe files of ...".
  bool single_files_lost_ = false;
  bool needed_files_lost_ = false;  // Among kinds that do not lack everywhere.
};

void Grouper::FindKinds() {
  std::vector<std::string> needed, others;
  uint64_t needed_files = 0, other_files = 0;
  bool everything = true;
  for (size_t kind = 0; kind < presence_.kinds.size(); ++kind) {
    Cell sum;
    for (size_t scene = 0; scene < presence_.scenes.size(); ++scene) {
      sum.total += CellOf(scene, kind).total;
      sum.missing += CellOf(scene, kind).missing;
    }
    everything &= sum.missing == sum.total;
    if (!IsEmpty(sum)) continue;
    kind_gone_[kind] = true;
    for (size_t scene = 0; scene < presence_.scenes.size(); ++scene)
      groups_.covered[Index(scene, kind)] = true;
    (presence_.optional[kind] ? others : needed).push_back(presence_.kinds[kind]);
    (presence_.optional[kind] ? other_files : needed_files) += sum.total;
  }
  if (!others.empty()) {
    groups_.absent.push_back(fmt::format("{} files of {} ({} files): nothing here reads them",
                                         presence_.family, ShortList(others), other_files));
  }
  if (!needed.empty()) AddKinds(needed, needed_files, everything);
}

void Grouper::AddKinds(const std::vector<std::string>& needed, uint64_t files, bool everything) {
  if (everything) {
    groups_.problems.push_back(
        fmt::format("none of the {} {} files is here: only the tables were unpacked. Unpack the "
                    "other archives into the same folder, or check --dataroot.",
                    files, presence_.family));
    return;
  }
  groups_.problems.push_back(
      fmt::format("no {} file of {} is here ({} files), in no scene: looks like a download that "
                  "left {} out.",
                  presence_.family, Join(needed, ", "), files, needed.size() == 1 ? "it" : "them"));
}

void Grouper::FindScenes() {
  std::vector<std::string> gone;
  size_t with_files = 0;
  for (size_t scene = 0; scene < presence_.scenes.size(); ++scene) {
    Cell sum;
    for (size_t kind = 0; kind < presence_.kinds.size(); ++kind) {
      if (kind_gone_[kind]) continue;
      sum.total += CellOf(scene, kind).total;
      sum.missing += CellOf(scene, kind).missing;
      needed_files_lost_ |= CellOf(scene, kind).missing > 0 && !presence_.optional[kind];
    }
    if (sum.total > 0) ++with_files;
    if (!IsEmpty(sum)) {
      FindKindsOfScene(scene);
      continue;
    }
    scene_gone_[scene] = true;
    gone.push_back(presence_.scenes[scene]);
    for (size_t kind = 0; kind < presence_.kinds.size(); ++kind)
      groups_.covered[Index(scene, kind)] = true;
  }
  if (!gone.empty()) AddScenes(gone, with_files);
  groups_.problems.insert(groups_.problems.end(), std::make_move_iterator(in_scene_.begin()),
                          std::make_move_iterator(in_scene_.end()));
}

void Grouper::FindKindsOfScene(size_t scene) {
  for (size_t kind = 0; kind < presence_.kinds.size(); ++kind) {
    const Cell& cell = CellOf(scene, kind);
    if (kind_gone_[kind] || cell.missing == 0) continue;
    if (!IsEmpty(cell) || cell.total == 1) {
      single_files_lost_ = true;
      continue;
    }
    groups_.covered[Index(scene, kind)] = true;
    in_scene_.push_back(fmt::format("{}: none of its {} {} files of {} is here.",
                                    presence_.scenes[scene], cell.total, presence_.family,
                                    presence_.kinds[kind]));
  }
}

void Grouper::AddScenes(const std::vector<std::string>& gone, size_t with_files) {
  const bool complete = !single_files_lost_ && in_scene_.empty();
  std::string text = fmt::format(
      "{} files of {} of {} scenes are not here ({}{}): looks like a partial download. {}",
      presence_.family, gone.size(), with_files, ShortList(gone), LogRemark(presence_, scene_gone_),
      complete ? "The other scenes are complete: unpack the archives that are left, or work on a "
                 "split of the scenes that are here."
               : "Of the other scenes some files are lost as well, see below.");
  (needed_files_lost_ ? groups_.problems : groups_.absent).push_back(std::move(text));
}

}  // namespace

FilePresence::FilePresence(std::string family_name, std::vector<std::string> scene_names,
                           std::vector<std::string> kind_names)
    : family(std::move(family_name)),
      scenes(std::move(scene_names)),
      logs(scenes.size(), 0),
      kinds(std::move(kind_names)),
      optional(kinds.size(), false),
      cells(scenes.size() * kinds.size()) {}

std::string ShortList(std::span<const std::string> names, size_t most) {
  std::string text = Join(names.first(std::min(names.size(), most)), ", ");
  if (names.size() > most) text += fmt::format(" and {} more", names.size() - most);
  return text;
}

MissingGroups GroupMissing(const FilePresence& presence) { return Grouper(presence).Group(); }

std::string FileProblem(const fs::path& dataroot, std::string_view name, Modality modality,
                        const SampleDataRow& row, FileCheck level) {
  if (level < FileCheck::kHeader) return "";
  const fs::path path = dataroot / name;
  switch (modality) {
    case Modality::kCamera:
      return ImageProblem(path, name, row, level);
    case Modality::kLidar:
      return LidarProblem(path, name, level);
    case Modality::kRadar:
      return RadarProblem(path, name);
  }
  return "";
}

CheckPart CheckSensorFiles(const Tables& tables, const CheckOptions& options,
                           std::vector<std::string>& absent) {
  const Tables::Spans& rows = tables.rows();
  CheckPart part{.name = "files", .checked = rows.sample_data.size()};
  const std::vector<Piece> pieces = CheckAllRows(tables, options);
  std::array<FilePresence, 2> families = MakePresence(tables);
  const auto expected = [&](const SampleDataRow& row) {
    return ExpectedFile{.scene = rows.sample[row.sample].scene,
                        .kind = rows.calibrated_sensor[row.calibrated_sensor].sensor};
  };
  for (const SampleDataRow& row : rows.sample_data)
    ++families[row.is_key_frame ? 1 : 0].At(expected(row)).total;
  for (const Piece& piece : pieces)
    for (const uint32_t row : piece.missing)
      ++families[rows.sample_data[row].is_key_frame ? 1 : 0]
            .At(expected(rows.sample_data[row]))
            .missing;
  std::array<MissingGroups, 2> groups;
  for (const size_t family : {1u, 0u}) {
    groups[family] = GroupMissing(families[family]);
    for (std::string& text : groups[family].problems) part.Add(std::move(text));
    for (std::string& text : groups[family].absent) absent.push_back(std::move(text));
  }
  for (const Piece& piece : pieces) {
    // Both lists are in the order of the rows; so is their union.
    size_t damaged = 0;
    const auto add_damaged = [&](uint32_t before) {
      for (; damaged < piece.damaged.size() && piece.damaged[damaged].first < before; ++damaged)
        part.Add(piece.damaged[damaged].second);
    };
    for (const uint32_t index : piece.missing) {
      const SampleDataRow& row = rows.sample_data[index];
      const size_t family = row.is_key_frame ? 1 : 0;
      if (groups[family].covers(families[family], expected(row))) continue;
      add_damaged(index);
      part.Add(fmt::format("{}: is missing, though other files of {} are here.",
                           tables.Text(row.filename),
                           tables.Text(rows.scene[rows.sample[row.sample].scene].name)));
    }
    add_damaged(UINT32_MAX);
    part.problems += piece.damaged_count - piece.damaged.size();
  }
  return part;
}

}  // namespace occvla::data::nuscenes

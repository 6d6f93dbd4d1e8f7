// Opening nuScenes tables: without a cache, writing one, from it; then the first frame.
//
//   bench_nuscenes_tables                      small tables made for the occasion, all of the above
//   bench_nuscenes_tables make FOLDER [SHARE]  tables of v1.0-trainval's size (or that share of its
//                                              scenes) into FOLDER; the same bytes each time
//   bench_nuscenes_tables open FOLDER none|use opens them once; a line of JSON
//
// bench/nuscenes_tables/compare runs the last two beside the devkit.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "occvla/base/error.h"
#include "occvla/data/nuscenes/category.h"
#include "occvla/data/nuscenes/dataset.h"

namespace {

namespace fs = std::filesystem;
using occvla::data::nuscenes::CacheUse;
using occvla::data::nuscenes::Dataset;

constexpr const char* kVersion = "v1.0-trainval";
constexpr std::array<const char*, 12> kChannels = {
    "CAM_FRONT",        "CAM_FRONT_RIGHT",   "CAM_BACK_RIGHT",  "CAM_BACK",
    "CAM_BACK_LEFT",    "CAM_FRONT_LEFT",    "LIDAR_TOP",       "RADAR_FRONT",
    "RADAR_FRONT_LEFT", "RADAR_FRONT_RIGHT", "RADAR_BACK_LEFT", "RADAR_BACK_RIGHT"};

// Row counts of v1.0-trainval (facts/data-and-metrics.md A.2).
constexpr int kScenes = 850, kSamples = 34'149, kSampleData = 2'631'083, kInstances = 64'386,
              kAnnotations = 1'166'187, kLogs = 68;

// Part `i` of `total` things shared evenly among `parts`: where it begins.
int64_t Begin(int64_t total, int64_t parts, int64_t i) { return total * i / parts; }

uint64_t Mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

// A number in [0, 1) with all its digits, as real files have.
double Fraction(uint64_t key) { return static_cast<double>(Mix(key) >> 11) * 0x1p-53; }

struct Token {
  uint64_t high, low;
  Token(uint64_t table, int64_t row)
      : high(Mix(table << 40 ^ static_cast<uint64_t>(row))), low(Mix(high)) {}
};

}  // namespace

template <>
struct fmt::formatter<Token> : fmt::formatter<std::string_view> {
  template <typename Context>
  auto format(const Token& token, Context& context) const {
    return fmt::format_to(context.out(), "{:016x}{:016x}", token.high, token.low);
  }
};

namespace {

// Numbers of tables in tokens.
enum : uint64_t {
  kAttribute = 1,
  kCalibratedSensor,
  kCategory,
  kInstance,
  kLog,
  kMap,
  kSample,
  kAnnotation,
  kFile,
  kScene,
  kSensor
};

/// Writes one table, one field a line as the real files.
class TableWriter {
 public:
  TableWriter(const fs::path& folder, const std::string& name)
      : file_(folder / (name + ".json"), std::ios::binary) {
    text_ = "[";
  }
  ~TableWriter() {
    text_ += "\n]";
    Flush();
  }
  template <typename... Args>
  void Row(fmt::format_string<Args...> format, Args&&... args) {
    text_ += first_ ? "\n{\n" : ",\n{\n";
    first_ = false;
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
    text_ += "\n}";
    if (text_.size() > (1 << 20)) Flush();
  }

 private:
  void Flush() {
    file_.write(text_.data(), static_cast<std::streamsize>(text_.size()));
    text_.clear();
  }
  std::ofstream file_;
  std::string text_;
  bool first_ = true;
};

std::string TokenOr(bool exists, Token token) { return exists ? fmt::format("{}", token) : ""; }

class Maker {
 public:
  Maker(fs::path folder, double share)
      : folder_(std::move(folder)), scenes_(std::max(1, static_cast<int>(share * kScenes))) {}

  void Make() const {
    fs::create_directories(folder_ / kVersion);
    std::jthread files([this] { MakeFiles(); });
    MakeSmallTables();
    MakeSamples();
    MakeInstances();
  }

 private:
  fs::path Tables() const { return folder_ / kVersion; }
  static int64_t FirstSample(int scene) { return Begin(kSamples, kScenes, scene); }
  static int64_t TimeOf(int scene, int64_t keyframe) {
    return 1'532'402'927'000'000 + 100'000'000 * int64_t{scene} + 500'000 * keyframe +
           static_cast<int64_t>(Mix(static_cast<uint64_t>(scene * 64 + keyframe)) % 5000);
  }

  void MakeSmallTables() const {
    using namespace occvla::data::nuscenes;
    {
      TableWriter table(Tables(), "attribute");
      for (size_t i = 0; i < kAttributes.size(); ++i) {
        table.Row("\"token\": \"{}\",\n\"name\": \"{}\",\n\"description\": \"\"",
                  Token(kAttribute, static_cast<int64_t>(i)), kAttributes[i]);
      }
    }
    {
      TableWriter table(Tables(), "category");
      for (int i = kFirstBoxCategory; i <= kLastBoxCategory; ++i) {
        table.Row("\"token\": \"{}\",\n\"name\": \"{}\",\n\"description\": \"\"",
                  Token(kCategory, i), kCategories[static_cast<size_t>(i)].name);
      }
    }
    {
      TableWriter table(Tables(), "visibility");
      for (int level = 1; level <= 4; ++level)
        table.Row("\"description\": \"\",\n\"token\": \"{}\",\n\"level\": \"v{}\"", level, level);
    }
    {
      TableWriter table(Tables(), "sensor");
      for (size_t i = 0; i < kChannels.size(); ++i) {
        table.Row("\"token\": \"{}\",\n\"channel\": \"{}\",\n\"modality\": \"{}\"",
                  Token(kSensor, static_cast<int64_t>(i)), kChannels[i],
                  i < 6 ? "camera" : (i == 6 ? "lidar" : "radar"));
      }
    }
    fs::create_directories(folder_ / "maps");
    TableWriter logs(Tables(), "log"), maps(Tables(), "map");
    for (int i = 0; i < kLogs; ++i) {
      logs.Row(
          "\"token\": \"{}\",\n\"logfile\": \"n{:03}\",\n\"vehicle\": \"n015\",\n"
          "\"date_captured\": \"2018-07-24\",\n\"location\": \"town-{}\"",
          Token(kLog, i), i, i % 4);
    }
    for (int map = 0; map < 4; ++map) {
      std::string named;
      for (int i = map; i < kLogs; i += 4)
        named += fmt::format("{}\n\"{}\"", named.empty() ? "" : ",", Token(kLog, i));
      maps.Row(
          "\"category\": \"semantic_prior\",\n\"token\": \"{}\",\n"
          "\"filename\": \"maps/{}.png\",\n\"log_tokens\": [{}\n]",
          Token(kMap, map), map, named);
    }
  }

  void MakeSamples() const {
    TableWriter scenes(Tables(), "scene"), samples(Tables(), "sample"),
        mounts(Tables(), "calibrated_sensor");
    const auto val = occvla::data::nuscenes::OfficialScenes("val");
    auto names = occvla::data::nuscenes::OfficialScenes("train");
    names.insert(names.end(), val.begin(), val.end());
    for (int scene = 0; scene < scenes_; ++scene) {
      const int64_t first = FirstSample(scene), last = FirstSample(scene + 1) - 1;
      scenes.Row(
          "\"token\": \"{}\",\n\"log_token\": \"{}\",\n\"nbr_samples\": {},\n"
          "\"first_sample_token\": \"{}\",\n\"last_sample_token\": \"{}\",\n"
          "\"name\": \"{}\",\n\"description\": \"Parked truck, construction, intersection\"",
          Token(kScene, scene), Token(kLog, scene % kLogs), last - first + 1, Token(kSample, first),
          Token(kSample, last), names[static_cast<size_t>(scene)]);
      for (int64_t i = first; i <= last; ++i) {
        samples.Row(
            "\"token\": \"{}\",\n\"timestamp\": {},\n\"prev\": \"{}\",\n\"next\": \"{}\",\n"
            "\"scene_token\": \"{}\"",
            Token(kSample, i), TimeOf(scene, i - first), TokenOr(i > first, Token(kSample, i - 1)),
            TokenOr(i < last, Token(kSample, i + 1)), Token(kScene, scene));
      }
      for (int channel = 0; channel < 12; ++channel) {
        mounts.Row(
            "\"token\": \"{}\",\n\"sensor_token\": \"{}\",\n"
            "\"translation\": [\n1.70079118954,\n0.0159456324149,\n1.51095763913\n],\n"
            "\"rotation\": [\n0.4998015430569128,\n-0.5030316162024876,\n"
            "0.4997798114386805,\n-0.49737083824542755\n],\n\"camera_intrinsic\": {}",
            Token(kCalibratedSensor, 12 * scene + channel), Token(kSensor, channel),
            channel < 6 ? "[\n[\n1266.417203046554,\n0.0,\n816.2670197447984\n],\n[\n0.0,\n"
                          "1266.417203046554,\n491.50706579294757\n],\n[\n0.0,\n0.0,\n1.0\n]\n]"
                        : "[]");
      }
    }
  }

  void MakeInstances() const {
    TableWriter instances(Tables(), "instance"), annotations(Tables(), "sample_annotation");
    const auto count = static_cast<int>(Begin(kInstances, kScenes, scenes_));
    for (int i = 0; i < count; ++i) {
      const int scene = static_cast<int>(((int64_t{i} + 1) * kScenes - 1) / kInstances);
      const int64_t first = Begin(kAnnotations, kInstances, i),
                    last = Begin(kAnnotations, kInstances, i + 1) - 1;
      const int64_t samples = FirstSample(scene + 1) - FirstSample(scene);
      const int64_t start = FirstSample(scene) +
                            static_cast<int64_t>(Mix(static_cast<uint64_t>(i)) %
                                                 static_cast<uint64_t>(samples - (last - first)));
      instances.Row(
          "\"token\": \"{}\",\n\"category_token\": \"{}\",\n\"nbr_annotations\": {},\n"
          "\"first_annotation_token\": \"{}\",\n\"last_annotation_token\": \"{}\"",
          Token(kInstance, i), Token(kCategory, 1 + i % 23), last - first + 1,
          Token(kAnnotation, first), Token(kAnnotation, last));
      for (int64_t row = first; row <= last; ++row) {
        const auto key = static_cast<uint64_t>(row);
        annotations.Row(
            "\"token\": \"{}\",\n\"sample_token\": \"{}\",\n\"instance_token\": \"{}\",\n"
            "\"visibility_token\": \"{}\",\n\"attribute_tokens\": [\n\"{}\"\n],\n"
            "\"translation\": [\n{:.3f},\n{:.3f},\n{:.3f}\n],\n\"size\": "
            "[\n{:.3f},\n{:.3f},\n{:.3f}\n"
            "],\n\"rotation\": [\n{},\n0.0,\n0.0,\n{}\n],\n\"prev\": \"{}\",\n\"next\": \"{}\",\n"
            "\"num_lidar_pts\": {},\n\"num_radar_pts\": {}",
            Token(kAnnotation, row), Token(kSample, start + row - first), Token(kInstance, i),
            1 + row % 4, Token(kAttribute, row % 8), 1000 * Fraction(key), 2000 * Fraction(key + 1),
            2 * Fraction(key + 2), 0.5 + Fraction(key + 3), 0.5 + 4 * Fraction(key + 4),
            1 + Fraction(key + 5), std::cos(Fraction(key)), std::sin(Fraction(key)),
            TokenOr(row > first, Token(kAnnotation, row - 1)),
            TokenOr(row < last, Token(kAnnotation, row + 1)), row % 97, row % 5);
      }
    }
  }

  struct File {
    int64_t time, sample;
    int channel;
    bool key;
    int64_t row = 0, previous = -1, next = -1;
  };

  // The sensors' files of a scene in the order of time, channels interleaved.
  static std::vector<File> FilesOf(int scene) {
    const int64_t keyframes = FirstSample(scene + 1) - FirstSample(scene);
    std::vector<File> files;
    for (int channel = 0; channel < 12; ++channel) {
      constexpr int64_t kSweeps = kSampleData - 12 * kSamples;
      const int64_t part = 12 * scene + channel;
      const int64_t sweeps =
          Begin(kSweeps, 12 * kScenes, part + 1) - Begin(kSweeps, 12 * kScenes, part);
      for (int64_t k = 0; k < keyframes; ++k) {
        files.push_back({TimeOf(scene, k) - 1000 * channel, FirstSample(scene) + k, channel, true});
        if (k + 1 == keyframes) break;
        const int64_t between =
            Begin(sweeps, keyframes - 1, k + 1) - Begin(sweeps, keyframes - 1, k);
        for (int64_t j = 1; j <= between; ++j) {
          files.push_back({TimeOf(scene, k) + 490'000 * j / (between + 1) - 1000 * channel,
                           FirstSample(scene) + k + 1, channel, false});
        }
      }
    }
    std::sort(files.begin(), files.end(), [](const File& a, const File& b) {
      return std::pair(a.time, a.channel) < std::pair(b.time, b.channel);
    });
    std::array<int64_t, 12> latest;
    latest.fill(-1);
    for (size_t i = 0; i < files.size(); ++i) {
      int64_t& before = latest[static_cast<size_t>(files[i].channel)];
      files[i].previous = before;
      if (before >= 0) files[static_cast<size_t>(before)].next = static_cast<int64_t>(i);
      before = static_cast<int64_t>(i);
    }
    return files;
  }

  void MakeFiles() const {
    TableWriter files(Tables(), "sample_data"), poses(Tables(), "ego_pose");
    int64_t base = 0;
    for (int scene = 0; scene < scenes_; ++scene) {
      const std::vector<File> all = FilesOf(scene);
      for (size_t i = 0; i < all.size(); ++i) {
        const File& file = all[i];
        const int64_t row = base + static_cast<int64_t>(i);
        const bool camera = file.channel < 6;
        const char* channel = kChannels[static_cast<size_t>(file.channel)];
        files.Row(
            "\"token\": \"{0}\",\n\"sample_token\": \"{1}\",\n\"ego_pose_token\": \"{0}\",\n"
            "\"calibrated_sensor_token\": \"{2}\",\n\"timestamp\": {3},\n"
            "\"fileformat\": \"{4}\",\n\"is_key_frame\": {5},\n\"height\": {6},\n"
            "\"width\": {7},\n"
            "\"filename\": \"{8}/{9}/n015-2018-07-24-11-22-45+0800__{9}__{3}.{10}\",\n"
            "\"prev\": \"{11}\",\n\"next\": \"{12}\"",
            Token(kFile, row), Token(kSample, file.sample),
            Token(kCalibratedSensor, 12 * scene + file.channel), file.time, camera ? "jpg" : "pcd",
            file.key, camera ? 900 : 0, camera ? 1600 : 0, file.key ? "samples" : "sweeps", channel,
            camera ? "jpg" : (file.channel == 6 ? "pcd.bin" : "pcd"),
            TokenOr(file.previous >= 0, Token(kFile, base + file.previous)),
            TokenOr(file.next >= 0, Token(kFile, base + file.next)));
        const auto key = static_cast<uint64_t>(row);
        const double yaw = 3 * Fraction(key);
        poses.Row(
            "\"token\": \"{}\",\n\"timestamp\": {},\n"
            "\"rotation\": [\n{},\n{},\n{},\n{}\n],\n\"translation\": [\n{},\n{},\n0.0\n]",
            Token(kFile, row), file.time, 0.9999 * std::cos(yaw), 1e-3 * Fraction(key + 1),
            1e-3 * Fraction(key + 2), 0.9999 * std::sin(yaw), 1000 * Fraction(key + 3),
            2000 * Fraction(key + 4));
      }
      base += static_cast<int64_t>(all.size());
    }
  }

  fs::path folder_;
  int scenes_;
};

double Since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// One opening in this process, whose peak memory it is.
void Open(const fs::path& folder, CacheUse cache) {
  occvla::data::nuscenes::DatasetOptions options;
  options.dataroot = folder;
  options.version = kVersion;
  options.cache = cache;
  const auto start = std::chrono::steady_clock::now();
  const Dataset dataset = Dataset::Open(options);
  const double open_s = Since(start);
  const auto first = std::chrono::steady_clock::now();
  const auto frame = dataset.FrameOf(dataset.tables().rows().scene[0].first_sample);
  const double frame_s = Since(first);
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  fmt::print(
      "{{\"open_s\": {:.3f}, \"first_frame_ms\": {:.3f}, \"peak_mb\": {}, \"from_cache\": {}, "
      "\"annotations_of_first\": {}}}\n",
      open_s, 1e3 * frame_s, usage.ru_maxrss / 1024, dataset.tables().facts().from_cache,
      frame.annotations.size());
}

int Run(const std::vector<std::string>& arguments) {
  if (arguments.size() >= 2 && arguments[0] == "make") {
    Maker(arguments[1], arguments.size() > 2 ? std::stod(arguments[2]) : 1).Make();
    return 0;
  }
  if (arguments.size() == 3 && arguments[0] == "open") {
    Open(arguments[1], arguments[2] == "none" ? CacheUse::kNone : CacheUse::kReadAndWrite);
    return 0;
  }
  std::string name = (fs::temp_directory_path() / "occvla_bench_XXXXXX").string();
  if (!arguments.empty() || ::mkdtemp(name.data()) == nullptr) return 2;
  const fs::path folder = name;
  Maker(folder, 0.05).Make();
  fmt::print("tables of 42 scenes (a twentieth of v1.0-trainval): no cache, writing it, from it\n");
  Open(folder, CacheUse::kNone);
  Open(folder, CacheUse::kReadAndWrite);
  Open(folder, CacheUse::kReadAndWrite);
  fs::remove_all(folder);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}

#include "occvla/label/conversations_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"

namespace occvla::label {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// A folder that is written under another name and takes its own at the end. What a stopped run left
// there goes first.
class StagedFolder {
 public:
  explicit StagedFolder(fs::path target)
      : target_(std::move(target)), staging_(target_.string() + ".writing") {
    fs::remove_all(staging_);
    fs::create_directories(staging_);
  }
  ~StagedFolder() {
    std::error_code ignored;
    fs::remove_all(staging_, ignored);
  }
  StagedFolder(const StagedFolder&) = delete;
  StagedFolder& operator=(const StagedFolder&) = delete;

  void Write(const fs::path& name, const std::string& text) const {
    const fs::path path = staging_ / name;
    fs::create_directories(path.parent_path());
    errno = 0;
    std::ofstream file(path, std::ios::binary);
    file << text;
    file.close();
    if (!file) ThrowWriteError(path, errno);
  }

  void Commit() const {
    // One flush for thousands of small files, before they take their name.
    const int fd = ::open(staging_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) ThrowWriteError(staging_, errno);
    const int result = ::syncfs(fd);
    const int error = errno;
    ::close(fd);
    if (result != 0) ThrowWriteError(staging_, error);
    fs::remove_all(target_);
    fs::rename(staging_, target_);
  }

 private:
  fs::path target_, staging_;
};

// Replacing a folder removes it: one that holds anything but such texts is somebody's.
void RefuseForeign(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::exists(folder, ignored)) return;
  if (!fs::is_directory(folder))
    throw ConfigError(folder.string() + ": is no folder. Name another place with --out.");
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name == "conv" || name == "vqa" || name == "desc" || name == "keywords") continue;
    throw ConfigError(
        folder.string() + ": holds " + Quoted(name) +
        ", which is none of conv, vqa, desc and keywords, so it is not replaced. Name "
        "another place with --out.");
  }
}

Json Pairs(const std::vector<Pair>& pairs) {
  Json list = Json::array();
  for (const Pair& pair : pairs)
    list.push_back({{"question", pair.question}, {"answer", pair.answer}});
  return list;
}

struct Made {
  std::string token;
  Conversations texts;
};

void Write(const Made& made, const std::string& part, const StagedFolder& folder,
           ConversationsReport& report) {
  const auto write = [&](const std::string& kind, const Json& json, uint64_t texts) {
    folder.Write(fs::path(kind) / part / (made.token + ".json"), json.dump() + "\n");
    report.texts[kind] += texts;
  };
  write("conv", Pairs(made.texts.conv), made.texts.conv.size());
  write("vqa", Pairs(made.texts.vqa), made.texts.vqa.size());
  for (const Verdict verdict : made.texts.verdicts)
    ++report.verdicts[std::string(kVerdictNames[static_cast<size_t>(verdict)])];
  if (!made.texts.described) return;
  const auto& described = *made.texts.described;
  write("desc", Json{{"description", described.description}, {"action", described.action}}, 2);
  write("keywords", Json(described.keywords), 1);
  ++report.described;
}

}  // namespace

ConversationsReport WriteConversations(const data::nuscenes::Dataset& dataset,
                                       const MakeOptions& options) {
  ConversationsReport report;
  report.folder = options.out.empty()
                      ? dataset.options().dataroot / dataset.options().version / "omnidrive"
                      : options.out;
  RefuseToOverwrite({report.folder}, options);
  RefuseForeign(report.folder);
  const auto parts = PartsOf(dataset, options.split);
  uint64_t total = 0;
  for (const SplitPart& part : parts) total += part.keyframes.size();
  const StagedFolder folder(report.folder);
  for (const SplitPart& part : parts) {
    ForKeyFrames(
        part.keyframes, options,
        [&](data::nuscenes::Row sample) {
          const data::Frame frame = dataset.FrameOf(sample);
          const SceneGraph graph = GraphOf(frame, NotesOf(dataset, sample));
          const auto truth = data::nuscenes::PlanningTruthOf(dataset.tables(), sample);
          return Made{frame.token, ConversationsAbout(graph, frame, truth, options.seed)};
        },
        [&](Made&& made) {
          Write(made, part.name, folder, report);
          ++report.keyframes;
          if (options.progress) options.progress(report.keyframes, total);
        });
  }
  folder.Commit();
  return report;
}

}  // namespace occvla::label

#include "occvla/eval/runner.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/json.h"

namespace occvla::eval {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
constexpr size_t kMostReplyBytes = size_t{2} << 30;
constexpr std::string_view kNuScenesQa = "nuscenes-qa/";

/// The whole lines of a file of replies; a last line without its end was being written when the
/// run was stopped, and does not count.
std::string WholeLines(const fs::path& path) {
  std::string text = ReadTextFile(path, kMostReplyBytes);
  const auto end = text.rfind('\n');
  text.resize(end == std::string::npos ? 0 : end + 1);
  return text;
}

struct StoredReply {
  data::Prediction prediction;
  std::vector<std::string> answers;
};

StoredReply ParseReply(std::string_view line, const std::string& where) {
  const auto document = ParseJson(line, where);
  const JsonNode root(document, where);
  root.RefuseOthers({"prediction", "answers"});
  return {data::PredictionFromJson(root.At("prediction").json().dump(), where),
          root.At("answers").Strings()};
}

std::string ToLine(const Reply& reply) {
  const auto& token = reply.prediction.token;
  Json json;
  json["prediction"] = Json::parse(data::ToJson(
      reply.prediction, reply.prediction.occupancy ? "occupancy/" + token + ".npz" : ""));
  json["answers"] = reply.answers;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::vector<fs::path> ReplyFiles(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder / "replies"))
    if (entry.path().extension() == ".jsonl") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

/// Every reply in the folder by token. The same frame twice is the same reply: asked by two shard
/// counts; the first counts.
std::unordered_map<std::string, StoredReply> ReadReplies(const fs::path& folder) {
  std::unordered_map<std::string, StoredReply> replies;
  for (const auto& path : ReplyFiles(folder)) {
    const std::string text = WholeLines(path);
    size_t number = 0;
    for (size_t start = 0; start < text.size();) {
      const size_t end = text.find('\n', start);
      auto reply = ParseReply(std::string_view(text).substr(start, end - start),
                              path.string() + ":" + std::to_string(++number));
      auto token = reply.prediction.token;
      replies.emplace(std::move(token), std::move(reply));
      start = end + 1;
    }
  }
  return replies;
}

void Claim(const fs::path& folder, const std::string& identity) {
  fs::create_directories(folder / "replies");
  fs::create_directories(folder / "occupancy");
  const auto path = folder / "run.txt";
  if (!fs::exists(path)) {
    WriteFileAtomically(path, std::string_view(identity));
    return;
  }
  if (ReadTextFile(path) != identity) {
    throw ConfigError(folder.string() +
                      ": holds the replies of another run (its run.txt says which checkpoint, "
                      "settings and split). Choose another folder, or remove this one.");
  }
}

/// {"key": value, ...}, a line each; values are JSON already.
class ObjectFile {
 public:
  explicit ObjectFile(const fs::path& path) : file_(path) { file_.Write("{"); }
  void Add(const std::string& key, const Json& value) {
    file_.Write((any_ ? ",\n" : "\n") + Json(key).dump() + ": " +
                value.dump(-1, ' ', false, Json::error_handler_t::replace));
    any_ = true;
  }
  void Commit() {
    file_.Write("\n}\n");
    file_.Commit();
  }

 private:
  AtomicFile file_;
  bool any_ = false;
};

/// "nuscenes-qa/exist/0" -> type and hops.
std::pair<std::string, int> KindOf(const std::string& kind) {
  const auto rest = kind.substr(kNuScenesQa.size());
  const auto slash = rest.find('/');
  return {rest.substr(0, slash), slash != std::string::npos && rest.substr(slash + 1) == "1"};
}

}  // namespace

size_t RunModel(const RunSource& source, const std::function<Reply(const data::Frame&)>& ask,
                const RunOptions& options, const fs::path& folder) {
  Claim(folder, source.identity);
  const auto known = ReadReplies(folder);
  const auto path =
      folder / "replies" /
      (std::to_string(options.shard) + "-of-" + std::to_string(options.shards) + ".jsonl");
  if (fs::exists(path)) fs::resize_file(path, WholeLines(path).size());
  std::ofstream file(path, std::ios::app | std::ios::binary);
  size_t asked = 0;
  for (size_t index = options.shard; index < source.frames; index += options.shards) {
    if (options.interrupt.stop_requested())
      throw BusyError("interrupted; the same command goes on from the last whole answer.");
    const auto token = source.token(index);
    if (known.count(token) == 0) {
      Reply reply = ask(source.frame(index));
      reply.prediction.token = token;
      if (reply.prediction.occupancy)
        data::WriteOccupancy(folder / "occupancy" / (token + ".npz"), *reply.prediction.occupancy);
      file << ToLine(reply) << std::flush;
      if (!file) ThrowWriteError(path, errno);
      ++asked;
    }
    if (options.on_done) options.on_done(1);
  }
  return asked;
}

void CollectReplies(const RunSource& source, const fs::path& folder) {
  Claim(folder, source.identity);
  const auto replies = ReadReplies(folder);
  size_t missing = 0;
  for (size_t index = 0; index < source.frames; ++index)
    missing += replies.count(source.token(index)) == 0;
  if (missing > 0) {
    throw DataError(folder.string() + ": " + std::to_string(missing) + " of " +
                    std::to_string(source.frames) +
                    " keyframes have no reply yet. Run the shards that are left.");
  }
  const auto to = folder / "predictions";
  fs::create_directories(to);
  ObjectFile trajectories(to / "trajectories.json"), actions(to / "meta_actions.json"),
      texts(to / "texts.json");
  Json questions = Json::array(), answers = Json::array();
  for (size_t index = 0; index < source.frames; ++index) {
    const auto token = source.token(index);
    const auto& [prediction, said] = replies.at(token);
    if (prediction.trajectory_E) trajectories.Add(token, *prediction.trajectory_E);
    if (prediction.meta_action) actions.Add(token, ToString(*prediction.meta_action));
    texts.Add(token, prediction.text);
    if (said.empty()) continue;
    const auto frame = source.frame(index);
    if (said.size() != frame.questions.size()) {
      throw DataError(folder.string() + ": " + std::to_string(said.size()) + " answers to the " +
                      std::to_string(frame.questions.size()) + " questions of keyframe " + token +
                      ": the question files have changed since. Start the run anew.");
    }
    for (size_t q = 0; q < said.size(); ++q) {
      const auto& asked = frame.questions[q];
      if (!asked.kind.starts_with(kNuScenesQa)) continue;
      const auto [type, hops] = KindOf(asked.kind);
      questions.push_back({{"split", "val"},
                           {"sample_token", token},
                           {"question", asked.question},
                           {"answer", asked.answer},
                           {"num_hop", hops},
                           {"template_type", type}});
      answers.push_back(said[q]);
    }
  }
  trajectories.Commit();
  actions.Commit();
  texts.Commit();
  if (questions.empty()) return;
  WriteFileAtomically(to / "questions.json",
                      std::string_view(Json{{"questions", questions}}.dump(1) + "\n"));
  WriteFileAtomically(
      to / "answers.json",
      std::string_view(answers.dump(1, ' ', false, Json::error_handler_t::replace) + "\n"));
}

void VisitReplies(const RunSource& source, const fs::path& folder,
                  const std::function<void(const data::Prediction&)>& visit) {
  auto replies = ReadReplies(folder);
  for (size_t index = 0; index < source.frames; ++index) {
    const auto token = source.token(index);
    const auto found = replies.find(token);
    if (found == replies.end()) continue;
    auto& prediction = found->second.prediction;
    const auto occupancy = folder / "occupancy" / (token + ".npz");
    if (fs::exists(occupancy)) prediction.occupancy = data::ReadOccupancy(occupancy);
    visit(prediction);
    prediction.occupancy.reset();
  }
}

}  // namespace occvla::eval

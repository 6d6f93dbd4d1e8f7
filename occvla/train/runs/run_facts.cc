#include "occvla/train/runs/run_facts.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "occvla/base/json.h"
#include "occvla/base/text.h"

namespace occvla::train {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::pair<std::string_view, RunStatus> kStatusNames[] = {
    {"running", RunStatus::kRunning},
    {"finished", RunStatus::kFinished},
    {"stopped", RunStatus::kStopped},
    {"failed", RunStatus::kFailed}};

std::string Dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// Field 22 of /proc/PID/stat; empty where there is no such process or file. The second field is
/// the program's name in parentheses and may hold anything.
std::string StartTicks(int64_t pid) {
  const std::string line = FirstLine("/proc/" + std::to_string(pid) + "/stat");
  const size_t after_name = line.rfind(')');
  if (after_name == std::string::npos) return "";
  size_t at = after_name + 1;
  for (int field = 3; field <= 22; ++field) {
    at = line.find_first_not_of(' ', at);
    if (at == std::string::npos) return "";
    const size_t end = std::min(line.find(' ', at), line.size());
    if (field == 22) return line.substr(at, end - at);
    at = end;
  }
  return "";
}

std::string StartMark(int64_t pid) {
  const std::string ticks = StartTicks(pid);
  return ticks.empty() ? "" : FirstLine("/proc/sys/kernel/random/boot_id") + "/" + ticks;
}

std::string HostName() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

std::map<std::string, double> NumbersOf(const JsonNode& object) {
  std::map<std::string, double> numbers;
  for (const std::string& name : object.Names()) numbers[name] = object.At(name).Number();
  return numbers;
}

Json FiniteOf(const std::map<std::string, double>& metrics) {
  Json json = Json::object();
  for (const auto& [name, value] : metrics)
    if (std::isfinite(value)) json[name] = value;
  return json;
}

}  // namespace

std::string_view NameOf(RunStatus status) {
  for (const auto& [name, named] : kStatusNames)
    if (named == status) return name;
  return "failed";
}

std::optional<RunStatus> RunStatusNamed(std::string_view name) {
  for (const auto& [known, status] : kStatusNames)
    if (known == name) return status;
  return std::nullopt;
}

ProcessMark ProcessMark::OfThis() { return {HostName(), ::getpid(), StartMark(::getpid())}; }

bool ProcessMark::MayBeAlive() const {
  if (host != HostName()) return true;
  if (pid <= 0 || (::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH)) return false;
  const std::string now = StartMark(pid);
  return now.empty() || start.empty() || now == start;
}

std::string RunState::Word() const {
  if (status == RunStatus::kRunning && !process.MayBeAlive()) return "lost";
  return std::string(NameOf(status));
}

std::string ToJson(const RunOrigin& origin) {
  return Dump({{"id", origin.id},
               {"program", origin.program},
               {"name", origin.name},
               {"stage", origin.stage},
               {"preset", origin.preset},
               {"steps", origin.steps},
               {"started_ms", origin.started_ms},
               {"config_sha256", origin.config_hash},
               {"data_fingerprint", origin.data_fingerprint},
               {"parent", origin.parent},
               {"more", origin.more}});
}

std::string ToJson(const RunState& state) {
  return Dump({{"status", NameOf(state.status)},
               {"reason", state.reason},
               {"step", state.step},
               {"updated_ms", state.updated_ms},
               {"host", state.process.host},
               {"pid", state.process.pid},
               {"process_start", state.process.start},
               {"metrics", FiniteOf(state.metrics)}});
}

RunOrigin ParseOrigin(std::string_view text, const std::string& where) {
  const nlohmann::json document = ParseJson(text, where);
  const JsonNode root(document, where);
  RunOrigin origin;
  origin.id = root.At("id").String();
  origin.program = root.At("program").String();
  origin.name = root.At("name").String();
  origin.stage = root.At("stage").String();
  origin.preset = root.At("preset").String();
  origin.steps = root.At("steps").Int(0);
  origin.started_ms = root.At("started_ms").Int(0);
  origin.config_hash = root.At("config_sha256").String();
  origin.data_fingerprint = root.At("data_fingerprint").String();
  origin.parent = root.At("parent").String();
  const JsonNode more = root.At("more");
  for (const std::string& name : more.Names()) origin.more[name] = more.At(name).String();
  return origin;
}

RunState ParseState(std::string_view text, const std::string& where) {
  const nlohmann::json document = ParseJson(text, where);
  const JsonNode root(document, where);
  RunState state;
  const auto status = RunStatusNamed(root.At("status").String());
  if (!status) root.At("status").Fail("must be running, finished, stopped or failed");
  state.status = *status;
  state.reason = root.At("reason").String();
  state.step = root.At("step").Int(0);
  state.updated_ms = root.At("updated_ms").Int(0);
  state.process.host = root.At("host").String();
  state.process.pid = root.At("pid").Int(0);
  state.process.start = root.At("process_start").String();
  state.metrics = NumbersOf(root.At("metrics"));
  return state;
}

std::string MetricsText(const std::map<std::string, double>& metrics) {
  return FiniteOf(metrics).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::map<std::string, double> ParseMetricsText(std::string_view text, const std::string& where) {
  const nlohmann::json document = ParseJson(text, where);
  return NumbersOf(JsonNode(document, where));
}

int64_t Now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

double Now() { return static_cast<double>(Now_ms()) / 1000; }

}  // namespace occvla::train

#include "occvla/train/runs/rank_place.h"

#include <charconv>
#include <cstdlib>
#include <vector>

#include "occvla/base/error.h"
#include "occvla/base/text.h"

namespace occvla::train {
namespace {

constexpr int kMostRanks = 65536;

std::optional<long> Whole(const std::string& text) {
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Reads variables and keeps what is wrong with them, so that all of it is said at once.
class Reader {
 public:
  explicit Reader(const Environment& environment) : environment_(environment) {}

  std::optional<std::string> Text(const char* name) const {
    auto text = environment_(name);
    if (text && text->empty()) return std::nullopt;
    return text;
  }

  int Number(const char* name, long least, long most) {
    const auto text = Text(name);
    if (!text) {
      bad_.push_back(std::string(name) + " is not set");
      return static_cast<int>(least);
    }
    const auto value = Whole(*text);
    if (!value || *value < least || *value > most) {
      bad_.push_back(std::string(name) + " must be a whole number from " + std::to_string(least) +
                     " to " + std::to_string(most) + ", but is " + Quoted(*text));
      return static_cast<int>(least);
    }
    return static_cast<int>(*value);
  }

  void Complain(std::string what) { bad_.push_back(std::move(what)); }

  void ThrowIfBad(const std::string& where, const std::string& advice) const {
    if (bad_.empty()) return;
    std::string text = where + ":";
    for (const auto& bad : bad_) text += "\n  - " + bad;
    throw ConfigError(text + "\n" + advice);
  }

 private:
  const Environment& environment_;
  std::vector<std::string> bad_;
};

void CheckRank(const RankPlace& place, const char* rank, const char* size, Reader& reader) {
  if (place.rank >= place.size)
    reader.Complain(std::string(rank) + " must be below " + size + " (" +
                    std::to_string(place.size) + "), but is " + std::to_string(place.rank));
}

RankPlace FromTorchrun(Reader& reader) {
  RankPlace place;
  place.rank = reader.Number("RANK", 0, kMostRanks - 1);
  place.size = reader.Number("WORLD_SIZE", 1, kMostRanks);
  place.local_rank = reader.Text("LOCAL_RANK") ? reader.Number("LOCAL_RANK", 0, kMostRanks - 1) : 0;
  if (place.size > 1) {
    place.port = reader.Number("MASTER_PORT", 1, 65535);
    if (const auto address = reader.Text("MASTER_ADDR"))
      place.address = *address;
    else
      reader.Complain("MASTER_ADDR is not set");
  }
  place.agent_serves = reader.Text("TORCHELASTIC_USE_AGENT_STORE") == "True";
  if (place.agent_serves) place.attempt = reader.Text("TORCHELASTIC_RESTART_COUNT").value_or("0");
  CheckRank(place, "RANK", "WORLD_SIZE", reader);
  reader.ThrowIfBad("ranks from the environment (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT)",
                    "Start the program with torchrun, with --ranks N, or with none of these "
                    "variables set.");
  return place;
}

RankPlace FromSlurm(Reader& reader) {
  RankPlace place;
  // A step may run fewer tasks than its job has.
  const char* size = reader.Text("SLURM_STEP_NUM_TASKS") ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS";
  place.rank = reader.Number("SLURM_PROCID", 0, kMostRanks - 1);
  place.size = reader.Number(size, 1, kMostRanks);
  place.local_rank =
      reader.Text("SLURM_LOCALID") ? reader.Number("SLURM_LOCALID", 0, kMostRanks - 1) : 0;
  if (place.size > 1) {
    if (const auto address = reader.Text("MASTER_ADDR")) {
      place.address = *address;
    } else if (const auto nodes = reader.Text("SLURM_STEP_NODELIST")) {
      place.address = FirstHost(*nodes);
      if (place.address.empty())
        reader.Complain("SLURM_STEP_NODELIST names no host: " + Quoted(*nodes));
    } else if (const auto node = reader.Text("SLURM_LAUNCH_NODE_IPADDR")) {
      place.address = *node;
    } else {
      reader.Complain(
          "none of MASTER_ADDR, SLURM_STEP_NODELIST and SLURM_LAUNCH_NODE_IPADDR is set");
    }
    if (reader.Text("MASTER_PORT")) {
      place.port = reader.Number("MASTER_PORT", 1, 65535);
    } else {
      // Two jobs on one machine meet at ports of their own; below the range that systems hand out.
      place.port = 20000 + reader.Number("SLURM_JOB_ID", 0, 2147483647) % 12000;
    }
  }
  CheckRank(place, "SLURM_PROCID", size, reader);
  reader.ThrowIfBad(
      "ranks from Slurm's environment",
      "Start the program with srun inside a job, or set MASTER_ADDR and MASTER_PORT.");
  return place;
}

}  // namespace

std::optional<std::string> ProcessEnvironment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  return value;
}

std::string FirstHost(const std::string& nodes) {
  // name, or name[from-to,...]suffix: what is before the list, its first number, what follows it.
  const auto end = nodes.find_first_of(",[");
  if (end == nodes.npos || nodes[end] == ',') return nodes.substr(0, end);
  const auto close = nodes.find(']', end);
  const auto number_end = nodes.find_first_of("-,]", end + 1);
  if (close == nodes.npos || number_end == end + 1) return "";
  return nodes.substr(0, end) + nodes.substr(end + 1, number_end - end - 1) +
         nodes.substr(close + 1, nodes.find(',', close) - close - 1);
}

RankPlace PlaceFromEnvironment(const Environment& environment) {
  Reader reader(environment);
  RankPlace place;
  if (reader.Text("RANK") || reader.Text("WORLD_SIZE")) {
    place = FromTorchrun(reader);
  } else if (reader.Text("SLURM_STEP_ID") && reader.Text("SLURM_PROCID") &&
             reader.Text("SLURM_STEP_ID") != "batch" &&
             reader.Text("SLURM_STEP_ID") != "4294967291" &&
             reader.Text("SLURM_STEP_ID") != "4294967290") {
    place = FromSlurm(reader);
  }
  place.interface = reader.Text("GLOO_SOCKET_IFNAME").value_or("");
  return place;
}

}  // namespace occvla::train

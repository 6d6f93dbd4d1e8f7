#include "occvla/data/nuscenes/can_bus.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/json.h"
#include "occvla/base/text.h"
#include "occvla/data/nuscenes/complaints.h"

namespace occvla::data::nuscenes {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::array<const char*, 8> kMessages = {
    "ms_imu", "pose", "steeranglefeedback", "vehicle_monitor", "zoesensors", "zoe_veh_info",
    "meta",   "route"};
constexpr size_t kMostBytes = size_t{64} << 20;  // The longest real one has some 3 MB.

std::string Excerpt(const Json& value) {
  return Printable(value.dump(-1, ' ', false, Json::error_handler_t::replace), 80);
}

/// Fills one message from its JSON object, through the one list of its fields.
class Record {
 public:
  Record(const Json& object, const std::string& where, size_t index, Complaints& complaints)
      : object_(object), where_(where), index_(index), complaints_(complaints) {}

  template <typename Message>
  Message Read() {
    Message message;
    (*this)("utime", message.utime);
    // VisitFields shows its members as constant; this message is not.
    message.VisitFields([this](std::string_view name, const auto& value) {
      (*this)(name, const_cast<std::remove_cvref_t<decltype(value)>&>(value));
    });
    for (const auto& [name, value] : object_.items()) {
      if (std::find(known_.begin(), known_.end(), name) == known_.end())
        Complain(Printable(name, 60), "is no field of this message");
    }
    return message;
  }

 private:
  void operator()(std::string_view name, double& number) {
    if (const Json* value = Find(name); value != nullptr && !ReadNumber(*value, &number))
      Complain(name, "must be a finite number, but is " + Excerpt(*value));
  }
  // Whole numbers may be written as 5 or 5.0.
  void operator()(std::string_view name, int64_t& number) {
    const Json* value = Find(name);
    if (value == nullptr) return;
    double real = 0;
    if (value->is_number_integer() &&
        !(value->is_number_unsigned() && value->get<uint64_t>() > uint64_t{INT64_MAX})) {
      number = value->get<int64_t>();
    } else if (ReadNumber(*value, &real) && std::abs(real) < 0x1p53 && std::trunc(real) == real) {
      number = static_cast<int64_t>(real);
    } else {
      Complain(name, "must be a whole number, but is " + Excerpt(*value));
    }
  }
  template <size_t N>
  void operator()(std::string_view name, std::array<double, N>& numbers) {
    const Json* value = Find(name);
    if (value == nullptr) return;
    bool good = value->is_array() && value->size() == N;
    for (size_t i = 0; good && i < N; ++i) good = ReadNumber((*value)[i], &numbers[i]);
    if (!good)
      Complain(name, fmt::format("must be {} finite numbers, but is {}", N, Excerpt(*value)));
  }

  const Json* Find(std::string_view name) {
    known_.push_back(name);
    const auto found = object_.find(name);
    if (found != object_.end()) return &*found;
    Complain(name, "is missing");
    return nullptr;
  }
  static bool ReadNumber(const Json& value, double* number) {
    if (!value.is_number()) return false;
    *number = value.get<double>();
    return std::isfinite(*number);
  }
  void Complain(std::string_view field, const std::string& problem) {
    complaints_.Add(FieldPlace(where_, index_, std::string(field)) + " " + problem);
  }

  const Json& object_;
  const std::string& where_;
  size_t index_;
  Complaints& complaints_;
  std::vector<std::string_view> known_;
};

template <typename Message>
void ReadList(const Json& list, const std::string& where, Complaints& complaints,
              std::vector<Message>* messages) {
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i].is_object()) {
      messages->push_back(Record(list[i], where, i, complaints).Read<Message>());
    } else {
      complaints.Add(
          fmt::format("{}, record {} must be an object, but is {}", where, i, Excerpt(list[i])));
    }
  }
}

void ReadRoute(const Json& list, const std::string& where, Complaints& complaints,
               std::vector<std::array<double, 2>>* route) {
  for (size_t i = 0; i < list.size(); ++i) {
    const Json& point = list[i];
    const bool good =
        point.is_array() && point.size() == 2 && point[0].is_number() && point[1].is_number();
    if (good) {
      route->push_back({point[0].get<double>(), point[1].get<double>()});
    } else {
      complaints.Add(
          fmt::format("{}, record {} must be [x, y], but is {}", where, i, Excerpt(point)));
    }
  }
}

// The statistics of the variables are not read: they follow from the messages.
void ReadMeta(const Json& document, const std::string& where, std::vector<CanMeta>* meta) {
  const JsonNode root(document, where);
  for (const std::string& message : root.Names()) {
    const JsonNode node = root.At(message);
    meta->push_back({.message = message,
                     .count = node.At("message_count").Int(0),
                     .frequency_hz = node.At("message_freq").Number(),
                     .timespan = node.At("timespan").Number()});
  }
}

}  // namespace

void ParseCanMessages(std::string_view text, const std::string& message, const std::string& where,
                      CanBusOfScene* scene) {
  const Json document = ParseJson(text, where, {.max_bytes = kMostBytes});
  if (message == "meta") return ReadMeta(document, where, &scene->meta);
  if (!document.is_array())
    throw DataError(where + ": must be a list, but is " + Excerpt(document) + ".");
  Complaints complaints;
  CanBus& bus = scene->bus;
  if (message == "ms_imu") {
    ReadList(document, where, complaints, &bus.ms_imu);
  } else if (message == "pose") {
    ReadList(document, where, complaints, &bus.pose);
  } else if (message == "steeranglefeedback") {
    ReadList(document, where, complaints, &bus.steeranglefeedback);
  } else if (message == "vehicle_monitor") {
    ReadList(document, where, complaints, &bus.vehicle_monitor);
  } else if (message == "zoesensors") {
    ReadList(document, where, complaints, &bus.zoesensors);
  } else if (message == "zoe_veh_info") {
    ReadList(document, where, complaints, &bus.zoe_veh_info);
  } else if (message == "route") {
    ReadRoute(document, where, complaints, &bus.route);
  } else {
    throw ConfigError("the CAN bus has no message " + Quoted(message, 60) + ".");
  }
  if (!complaints.empty()) throw DataError(complaints.Text());
}

std::optional<CanBusOfScene> ReadCanBus(const fs::path& folder, const std::string& scene) {
  CanBusOfScene found;
  std::vector<std::string> complaints;
  size_t absent = 0;
  for (const char* message : kMessages) {
    const fs::path path = folder / fmt::format("{}_{}.json", scene, message);
    if (!fs::exists(path)) {
      ++absent;
      const bool may_be_missing =
          std::string_view(message) == "vehicle_monitor" || std::string_view(message) == "route";
      if (may_be_missing) {
        found.missing.emplace_back(message);
      } else {
        complaints.push_back(path.string() + " is missing, though the scene has other CAN files");
      }
      continue;
    }
    try {
      ParseCanMessages(ReadTextFile(path, kMostBytes), message, path.string(), &found);
    } catch (const DataError& error) {
      complaints.emplace_back(error.what());
    }
  }
  if (absent == kMessages.size()) return std::nullopt;
  if (!complaints.empty()) {
    throw DataError(fmt::format("CAN bus of {}:\n  - {}\nUnpack the CAN bus expansion again.",
                                scene, Join(complaints, "\n  - ")));
  }
  return found;
}

}  // namespace occvla::data::nuscenes

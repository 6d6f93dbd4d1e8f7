#include "occvla/data/nuscenes/write_can_bus.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string_view>
#include <utility>

#include "occvla/base/files.h"
#include "occvla/data/nuscenes/write_tables.h"

namespace occvla::data::nuscenes {
namespace {

/// Appends a message's fields to its JSON object.
struct MessageText {
  std::string* json;

  void operator()(std::string_view name, double value) { AppendNumber(value, Field(name)); }
  void operator()(std::string_view name, int64_t value) { *Field(name) += std::to_string(value); }
  template <size_t N>
  void operator()(std::string_view name, const std::array<double, N>& values) {
    Field(name)->push_back('[');
    for (size_t i = 0; i < N; ++i) {
      if (i > 0) *json += ", ";
      AppendNumber(values[i], json);
    }
    json->push_back(']');
  }
  std::string* Field(std::string_view name) {
    *json += ", ";
    AppendQuoted(name, json);
    *json += ": ";
    return json;
  }
};

template <typename Message>
std::string ListOf(const std::vector<Message>& messages) {
  std::string json = "[";
  for (const auto& message : messages) {
    if (json.size() > 1) json += ",\n";
    json += "{\"utime\": " + std::to_string(message.utime);
    message.VisitFields(MessageText{&json});
    json += '}';
  }
  return json + "]\n";
}

/// The values of every variable over all messages; a vector's components one after the other.
struct Columns {
  struct Column {
    std::string name;
    size_t components = 0;
    std::vector<double> values;  // [message][component]
  };
  std::vector<Column> columns;
  size_t next = 0;

  template <size_t N>
  void operator()(std::string_view name, const std::array<double, N>& values) {
    auto& column = At(name, N);
    column.values.insert(column.values.end(), values.begin(), values.end());
  }
  template <typename Number>
  void operator()(std::string_view name, Number value) {
    At(name, 1).values.push_back(static_cast<double>(value));
  }
  Column& At(std::string_view name, size_t components) {
    if (next == columns.size()) columns.push_back({std::string(name), components, {}});
    return columns[next++];
  }
};

/// {"max": ..., "mean": ..., "min": ..., "std": ...} of a column, a list where it is a vector.
std::string Statistics(const Columns::Column& column) {
  const size_t n = column.values.size() / column.components;
  std::string lists[4];
  for (size_t c = 0; c < column.components; ++c) {
    double most = -INFINITY, least = INFINITY, sum = 0, squares = 0;
    for (size_t i = 0; i < n; ++i) {
      const double value = column.values[i * column.components + c];
      most = std::max(most, value);
      least = std::min(least, value);
      sum += value;
    }
    const double mean = n == 0 ? 0 : sum / static_cast<double>(n);
    for (size_t i = 0; i < n; ++i) {
      const double off = column.values[i * column.components + c] - mean;
      squares += off * off;
    }
    const double deviation = n == 0 ? 0 : std::sqrt(squares / static_cast<double>(n));
    const double results[] = {n == 0 ? 0 : most, mean, n == 0 ? 0 : least, deviation};
    for (int k = 0; k < 4; ++k) {
      if (c > 0) lists[k] += ", ";
      AppendNumber(results[k], &lists[k]);
    }
  }
  static constexpr std::string_view kNames[] = {"max", "mean", "min", "std"};
  std::string json = "{";
  for (int k = 0; k < 4; ++k) {
    if (k > 0) json += ", ";
    AppendQuoted(kNames[k], &json);
    json += column.components == 1 ? ": " + lists[k] : ": [" + lists[k] + "]";
  }
  return json + "}";
}

Columns::Column Differences(const Columns::Column& column) {
  Columns::Column differences{column.name + "_diff", column.components, {}};
  for (size_t i = column.components; i < column.values.size(); ++i)
    differences.values.push_back(column.values[i] - column.values[i - column.components]);
  return differences;
}

template <typename Message>
std::string MetaOf(const std::vector<Message>& messages) {
  Columns columns;
  for (const auto& message : messages) {
    columns.next = 0;
    message.VisitFields(columns);
  }
  const double span =
      messages.empty() ? 0
                       : static_cast<double>(messages.back().utime - messages.front().utime) * 1e-6;
  std::string json = "{\"message_count\": " + std::to_string(messages.size());
  json += ", \"message_freq\": ";
  AppendNumber(span > 0 ? static_cast<double>(messages.size() - 1) / span : 0, &json);
  json += ", \"timespan\": ";
  AppendNumber(span, &json);
  json += ", \"var_stats\": {";
  for (size_t i = 0; i < columns.columns.size(); ++i) {
    const auto& column = columns.columns[i];
    const auto differences = Differences(column);
    for (const auto* one : {&column, &differences}) {
      if (json.back() != '{') json += ", ";
      AppendQuoted(one->name, &json);
      json += ": " + Statistics(*one);
    }
  }
  return json + "}}";
}

std::string RouteText(const std::vector<std::array<double, 2>>& route) {
  std::string json = "[";
  for (const auto& point : route) {
    json += json.size() > 1 ? ",\n[" : "[";
    AppendNumber(point[0], &json);
    json += ", ";
    AppendNumber(point[1], &json);
    json += ']';
  }
  return json + "]\n";
}

/// Calls `visit(name, list)` for the six messages.
template <typename Visit>
void ForEachMessage(const CanBus& bus, Visit&& visit) {
  visit("ms_imu", bus.ms_imu);
  visit("pose", bus.pose);
  visit("steeranglefeedback", bus.steeranglefeedback);
  visit("vehicle_monitor", bus.vehicle_monitor);
  visit("zoesensors", bus.zoesensors);
  visit("zoe_veh_info", bus.zoe_veh_info);
}

}  // namespace

std::vector<std::string> CanBusFiles(const std::string& scene) {
  std::vector<std::string> files;
  ForEachMessage(
      {}, [&](const char* name, const auto&) { files.push_back(scene + "_" + name + ".json"); });
  files.push_back(scene + "_meta.json");
  files.push_back(scene + "_route.json");
  return files;
}

void WriteCanBus(const std::filesystem::path& folder, const std::string& scene, const CanBus& bus) {
  const auto write = [&](const std::string& name, const std::string& text) {
    WriteFileAtomically(folder / (scene + "_" + name + ".json"), std::string_view(text));
  };
  std::string meta = "{";
  ForEachMessage(bus, [&](const char* name, const auto& messages) {
    write(name, ListOf(messages));
    if (meta.size() > 1) meta += ",\n";
    AppendQuoted(name, &meta);
    meta += ": " + MetaOf(messages);
  });
  write("meta", meta + "}\n");
  write("route", RouteText(bus.route));
}

}  // namespace occvla::data::nuscenes

#include "occvla/serve/metrics.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

namespace occvla::serve {
namespace {

uint64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

// A client may write any word there.
std::string MethodOf(const std::string& method) {
  for (const auto* known : {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
    if (method == known) return method;
  return "other";
}

template <typename Value>
void Write(std::string& text, const char* name, const char* type, const char* help, Value value) {
  fmt::format_to(std::back_inserter(text), "# HELP {0} {2}\n# TYPE {0} {1}\n{0} {3}\n", name, type,
                 help, value);
}

void WriteEngine(std::string& text, const Dispatcher::State& engine) {
  constexpr const char* kCounter = "counter";
  Write(text, "occvla_engine_waiting", "gauge", "Requests that wait for the engine.",
        engine.waiting);
  Write(text, "occvla_engine_running", "gauge", "1 while the engine works on a request.",
        engine.running);
  Write(text, "occvla_engine_busy_seconds_total", kCounter, "Time that the engine worked.",
        engine.busy_s);
  text +=
      "# HELP occvla_engine_requests_total Requests by how they ended.\n"
      "# TYPE occvla_engine_requests_total counter\n";
  const std::pair<const char*, uint64_t> ends[] = {{"done", engine.done},
                                                   {"failed", engine.failed},
                                                   {"cancelled", engine.cancelled},
                                                   {"refused", engine.refused}};
  for (const auto& [end, count] : ends)
    text += fmt::format("occvla_engine_requests_total{{end=\"{}\"}} {}\n", end, count);
  text +=
      "# HELP occvla_frames_total Frames of answered requests: images computed, or reused.\n"
      "# TYPE occvla_frames_total counter\n";
  text += fmt::format("occvla_frames_total{{cached=\"false\"}} {}\n", engine.frames_seen);
  text += fmt::format("occvla_frames_total{{cached=\"true\"}} {}\n", engine.frames_cached);
  text +=
      "# HELP occvla_tokens_total Text tokens read (prompt) and written (new).\n"
      "# TYPE occvla_tokens_total counter\n";
  text += fmt::format("occvla_tokens_total{{kind=\"prompt\"}} {}\n", engine.prompt_tokens);
  text += fmt::format("occvla_tokens_total{{kind=\"new\"}} {}\n", engine.new_tokens);
}

}  // namespace

std::string RouteOf(const std::string& path) {
  static constexpr std::string_view kRoutes[] = {"/v1/chat/completions",
                                                 "/v1/predict",
                                                 "/v1/models",
                                                 "/v1/frames",
                                                 "/v1/runs",
                                                 "/v1/review",
                                                 "/review",
                                                 "/assets",
                                                 "/healthz",
                                                 "/readyz",
                                                 "/metrics",
                                                 "/openapi.json"};
  if (path == "/") return path;
  for (const auto route : kRoutes) {
    if (path == route || (path.starts_with(route) && path[route.size()] == '/'))
      return std::string(route);
  }
  return "other";
}

void Metrics::Count(const Exchange& exchange) {
  const auto route = RouteOf(exchange.path);
  const auto method = MethodOf(exchange.method);
  std::lock_guard lock(mutex_);
  ++requests_[{method, route, exchange.status}];
  body_bytes_ += exchange.body_bytes;
  auto& times = times_[route];
  ++times.count;
  times.sum_s += exchange.seconds;
  for (size_t i = 0; i < kBounds_s.size(); ++i) times.below[i] += exchange.seconds <= kBounds_s[i];
}

std::string Metrics::Text(const Dispatcher::State& engine, size_t connections) const {
  std::string text;
  {
    std::lock_guard lock(mutex_);
    text +=
        "# HELP occvla_http_requests_total Requests answered.\n"
        "# TYPE occvla_http_requests_total counter\n";
    for (const auto& [kind, count] : requests_) {
      text +=
          fmt::format("occvla_http_requests_total{{method=\"{}\",route=\"{}\",status=\"{}\"}} {}\n",
                      kind.method, kind.route, kind.status, count);
    }
    text +=
        "# HELP occvla_http_request_seconds From a request's first byte to its reply's last.\n"
        "# TYPE occvla_http_request_seconds histogram\n";
    for (const auto& [route, times] : times_) {
      const auto bucket = [&](const std::string& bound, uint64_t count) {
        text += fmt::format("occvla_http_request_seconds_bucket{{route=\"{}\",le=\"{}\"}} {}\n",
                            route, bound, count);
      };
      for (size_t i = 0; i < kBounds_s.size(); ++i)
        bucket(fmt::format("{}", kBounds_s[i]), times.below[i]);
      bucket("+Inf", times.count);
      text +=
          fmt::format("occvla_http_request_seconds_sum{{route=\"{}\"}} {}\n", route, times.sum_s);
      text +=
          fmt::format("occvla_http_request_seconds_count{{route=\"{}\"}} {}\n", route, times.count);
    }
    Write(text, "occvla_http_body_bytes_total", "counter", "Bytes of requests' bodies.",
          body_bytes_);
  }
  Write(text, "occvla_http_connections", "gauge", "Open connections.", connections);
  WriteEngine(text, engine);
  Write(text, "process_resident_memory_bytes", "gauge", "Resident memory.", ResidentBytes());
  Write(text, "process_start_time_seconds", "gauge", "Start of the server, Unix time.",
        std::chrono::duration<double>(began_.time_since_epoch()).count());
  return text;
}

}  // namespace occvla::serve

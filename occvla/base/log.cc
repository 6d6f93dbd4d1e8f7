#include "occvla/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "occvla/base/text.h"

namespace occvla::log {
namespace {

// Long enough for a list of complaints, short enough that a hostile text cannot flood the screen.
constexpr size_t kMaxText = 8192;

spdlog::logger& Logger() {
  static const auto logger = [] {
    auto made = std::make_shared<spdlog::logger>("occvla",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

void Write(spdlog::level::level_enum level, std::string_view where, std::string_view text) {
  Logger().log(level, "{}: {}", Printable(where, 120), Printable(text, kMaxText));
}

}  // namespace

void Info(std::string_view where, std::string_view text) {
  Write(spdlog::level::info, where, text);
}

void Warn(std::string_view where, std::string_view text) {
  Write(spdlog::level::warn, where, text);
}

void Error(std::string_view where, std::string_view text) {
  Write(spdlog::level::err, where, text);
}

void SetQuiet(bool quiet) { Logger().set_level(quiet ? spdlog::level::warn : spdlog::level::info); }

}  // namespace occvla::log

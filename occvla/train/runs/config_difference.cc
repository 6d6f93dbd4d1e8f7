#include "occvla/train/runs/config_difference.h"

#include <toml++/toml.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "occvla/base/config_text.h"
#include "occvla/base/error.h"
#include "occvla/base/text.h"

namespace occvla::train {
namespace {

constexpr size_t kMaxConfig = size_t{1} << 20;
// toml++ nests tables by dots without bound, and frees them by recursion.
constexpr int64_t kMaxDots = 2000;

void Flatten(const toml::table& table, const std::string& prefix,
             std::map<std::string, std::string>* fields) {
  for (const auto& [key, value] : table) {
    const std::string path = prefix + std::string(key.str());
    if (const auto* inner = value.as_table()) {
      Flatten(*inner, path + ".", fields);
      continue;
    }
    std::ostringstream text;
    if (const auto* number = value.as_floating_point()) {
      text << config::TomlNumber(number->get());  // The shortest; the library prints 17 digits.
    } else {
      value.visit([&](const auto& node) { text << node; });
    }
    std::string line = text.str();
    std::replace(line.begin(), line.end(), '\n', ' ');  // A long list is printed over lines.
    (*fields)[path] = std::move(line);
  }
}

}  // namespace

std::map<std::string, std::string> FlatConfig(std::string_view toml, const std::string& where) {
  if (toml.size() > kMaxConfig || std::count(toml.begin(), toml.end(), '.') > kMaxDots) {
    throw ConfigError(where + ": holds more than " + std::to_string(kMaxConfig) + " bytes or " +
                      std::to_string(kMaxDots) + " dots, which no config needs.");
  }
  std::map<std::string, std::string> fields;
  try {
    Flatten(toml::parse(toml), "", &fields);
  } catch (const toml::parse_error& error) {
    throw ConfigError(where + ", line " + std::to_string(error.source().begin.line) + ": " +
                      Printable(error.description()) + ".");
  }
  return fields;
}

std::vector<ConfigDifference> DifferencesOf(
    const std::vector<std::map<std::string, std::string>>& configs) {
  std::set<std::string> names;
  for (const auto& config : configs)
    for (const auto& [name, value] : config) names.insert(name);
  std::vector<ConfigDifference> differences;
  for (const std::string& name : names) {
    ConfigDifference difference{name, {}};
    bool same = true;
    for (const auto& config : configs) {
      const auto found = config.find(name);
      difference.values.push_back(found == config.end() ? std::nullopt
                                                        : std::optional(found->second));
      same = same && difference.values.back() == difference.values.front();
    }
    if (!same) differences.push_back(std::move(difference));
  }
  return differences;
}

}  // namespace occvla::train

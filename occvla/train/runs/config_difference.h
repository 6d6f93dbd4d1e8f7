#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace occvla::train {

/// Every field of a TOML config by its dotted path, its value as TOML text. Throws ConfigError with
/// `where` for what is no TOML.
std::map<std::string, std::string> FlatConfig(std::string_view toml, const std::string& where);

/// A field that differs: its value in each config, nothing where it is absent.
struct ConfigDifference {
  std::string field;
  std::vector<std::optional<std::string>> values;
};

/// The fields whose values are not all the same, by name.
std::vector<ConfigDifference> DifferencesOf(
    const std::vector<std::map<std::string, std::string>>& configs);

}  // namespace occvla::train

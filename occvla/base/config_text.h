#pragma once
#include <string>
#include <string_view>

/// Config as text; part of config.cc.
namespace occvla::config {

/// The shortest TOML float that reads back as the same double.
std::string TomlNumber(double value);

/// "lr" of "train.lr".
std::string_view LastPart(std::string_view path);

}  // namespace occvla::config

#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace occvla::model {

/// `origin.json`: how the weights of a checkpoint folder came about. Informative: nothing that runs
/// depends on it.
struct Origin {
  std::string program_version;            ///< Of the program that wrote the folder.
  std::string weights;                    ///< "random, seed 17", "converted from ...", "trained".
  std::string stage;                      ///< Training stage; empty when none was run.
  int64_t step = 0;                       ///< Optimiser steps of that stage.
  std::string run_config;                 ///< The resolved TOML of the run; empty when none.
  std::string data_fingerprint;           ///< Of the training data; empty when none.
  std::map<std::string, double> metrics;  ///< Measured when it was written.
  std::map<std::string, std::string> licences;  ///< What they cover ("weights", "data") -> licence.
};

/// An Origin with this program's version.
Origin NewOrigin(std::string weights);
std::string OriginToJson(const Origin& origin);
/// Throws CheckpointError that opens with `where` and lists every complaint.
Origin OriginFromJson(const std::string& json, const std::string& where);
/// `folder`/origin.json if it is there.
std::optional<Origin> ReadOrigin(const std::filesystem::path& folder);
void WriteOrigin(const std::filesystem::path& folder, const Origin& origin);

}  // namespace occvla::model

#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace occvla::train {

/// The question files of a data set that lie beside its tables: `questions/*.json|csv` in the order
/// of their names, `omnidrive/`, `chain_of_thought.json`; those that are there.
std::vector<std::filesystem::path> QuestionFilesBeside(const std::filesystem::path& tables);

/// The files that a path of FeedConfig::questions stands for, sorted: itself, or all in the folder.
std::vector<std::filesystem::path> FilesOf(const std::filesystem::path& path);

}  // namespace occvla::train

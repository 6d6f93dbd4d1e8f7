#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace occvla::tests {

/// The repository's root, as it was when the tests were built.
std::filesystem::path Root();

/// Every file of the repository, relative to its root, sorted; not what is built or fetched.
const std::vector<std::filesystem::path>& Files();

/// Those whose name ends in one of `suffixes` and whose path starts with `folder`.
std::vector<std::filesystem::path> FilesIn(const std::string& folder,
                                           const std::vector<std::string>& suffixes);

/// The lines of a file of the repository, without their ends.
std::vector<std::string> Lines(const std::filesystem::path& file);

}  // namespace occvla::tests

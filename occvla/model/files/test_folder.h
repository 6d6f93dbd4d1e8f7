#pragma once
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace occvla::model {

/// A test with a folder of its own, removed afterwards.
class TestFolder : public ::testing::Test {
 protected:
  TestFolder() {
    std::string name = ::testing::TempDir() + "occvla_XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "no folder for the test";
    root_ = name;
  }
  ~TestFolder() override {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  const std::filesystem::path& root() const { return root_; }
  /// Zeros that live as long as the test.
  std::span<const std::byte> Bytes(size_t count) {
    storage_.emplace_back(count);
    return storage_.back();
  }

 private:
  std::filesystem::path root_;
  std::vector<std::vector<std::byte>> storage_;
};

/// The message of the `E` that `f` throws.
template <typename E, typename F>
std::string MessageOf(F f) {
  try {
    f();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace occvla::model

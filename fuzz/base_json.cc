#include <cstddef>
#include <cstdint>
#include <string_view>

#include "occvla/base/error.h"
#include "occvla/base/json.h"

namespace {

// Every value is asked for as what it is not, so that all complaints are written too.
void Walk(const occvla::JsonNode& node) {
  try {
    if (node.is_object()) {
      for (const auto& name : node.Names()) Walk(node.At(name));
      (void)node.Find("dtype");
      node.RefuseOthers({"dtype", "shape"});
    } else if (node.is_array()) {
      for (size_t i = 0; i < node.size(); ++i) Walk(node.At(i));
      (void)node.Numbers();
    } else if (node.is_string()) {
      (void)node.Int();
    } else {
      (void)node.Int(0, 10);
      (void)node.String();
    }
  } catch (const occvla::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const auto document = occvla::ParseJson(text, "fuzz");
    // What is accepted here, nlohmann's own parser must accept and read alike.
    if (document != nlohmann::json::parse(text)) __builtin_trap();
    Walk(occvla::JsonNode(document, "fuzz"));
  } catch (const occvla::Error&) {
  }
  return 0;
}

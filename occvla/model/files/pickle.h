#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "occvla/base/dtype.h"

namespace occvla::model {

/// What a torch pickle describes, as data: nothing of it is ever called. Nodes live in one arena
/// and refer to each other by index, so cycles and shared parts cost nothing.
struct PickleNode {
  enum class Kind {
    kNone,
    kBool,
    kInt,
    kFloat,
    kString,
    kTuple,
    kList,
    kDict,
    kGlobal,
    kStorage,
    kTensor,
    kOpaque  ///< An object of a listed harmless class (torch.Size, a NumPy scalar): not looked
             ///< into.
  };
  Kind kind = Kind::kNone;
  int64_t integer = 0;          ///< kBool, kInt; kStorage: elements; kTensor: offset in elements.
  double number = 0;            ///< kFloat
  std::string text;             ///< kString; kGlobal: "module name"; kStorage: key of the member.
  DType dtype = DType::kF32;    ///< kStorage
  std::vector<uint32_t> items;  ///< kTuple, kList
  std::vector<std::pair<uint32_t, uint32_t>> entries;  ///< kDict
  uint32_t storage = 0;                                ///< kTensor: index of its kStorage.
  std::vector<int64_t> shape, strides;                 ///< kTensor, in elements.
};

struct Pickle {
  std::vector<PickleNode> nodes;
  uint32_t root = 0;
  const PickleNode& Root() const { return nodes[root]; }
};

/// Reads the pickle of a torch.save archive. Opcodes and globals outside the allow-list (tensors,
/// their storages, OrderedDict and plain values) are refused by name, whatever they would do;
/// nodes, stack, memo and strings are bounded. Throws CheckpointError that opens with `where` and
/// gives the byte offset.
Pickle ReadTorchPickle(std::span<const std::byte> bytes, const std::string& where);

}  // namespace occvla::model

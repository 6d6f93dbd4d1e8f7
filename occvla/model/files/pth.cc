#include "occvla/model/files/pth.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>

#include "occvla/base/error.h"
#include "occvla/base/text.h"
#include "occvla/model/files/pickle.h"
#include "occvla/model/files/zip_members.h"

namespace occvla::model {
namespace {

using Kind = PickleNode::Kind;

/// Turns the described tensors of one archive into views.
class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& where)
      : where_(where), zip_(bytes, where), budget_(2 * bytes.size()) {
    root_ = FindRoot();
    CheckByteOrder();
    pickle_ = ReadTorchPickle(zip_.Read(root_ + "/data.pkl"), where);
  }

  void ReadInto(PthFile& out) {
    for (const auto& [key, value] : StateDict().entries) {
      const std::string& name = pickle_.nodes[key].text;
      if (pickle_.nodes[key].kind != Kind::kString || pickle_.nodes[value].kind != Kind::kTensor) {
        Fail("\"" + name +
             "\" of the state_dict must be a tensor with a name, but is something else.");
      }
      if (!out.tensors.emplace(name, View(name, pickle_.nodes[value], out)).second) {
        Fail("the tensor " + name + " occurs twice.");
      }
    }
  }

 private:
  [[noreturn]] void Fail(const std::string& problem) const {
    throw CheckpointError(where_ + ": " + problem);
  }

  std::string FindRoot() const {
    std::vector<std::string> roots;
    for (const auto& name : zip_.Names()) {
      const size_t slash = name.find('/');
      if (slash != std::string::npos && name.substr(slash) == "/data.pkl") {
        roots.push_back(name.substr(0, slash));
      }
    }
    if (roots.size() != 1) {
      Fail("must hold one */data.pkl as torch.save writes it, but holds " +
           std::to_string(roots.size()) + ".");
    }
    return roots[0];
  }

  void CheckByteOrder() const {
    if (!zip_.Contains(root_ + "/byteorder")) return;  // Written since torch 2.1.
    const auto bytes = zip_.Read(root_ + "/byteorder");
    const std::string_view order(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (order != "little") {
      Fail("was written on a machine of another byte order. Save it on a little-endian one.");
    }
  }

  const PickleNode& StateDict() const {
    const PickleNode& root = pickle_.Root();
    if (root.kind != Kind::kDict)
      Fail("must hold a dict with a state_dict, but holds something else.");
    std::vector<std::string> keys;
    bool all_tensors = !root.entries.empty();
    for (const auto& [key, value] : root.entries) {
      const PickleNode& name = pickle_.nodes[key];
      if (name.kind == Kind::kString && name.text == "state_dict") {
        if (pickle_.nodes[value].kind != Kind::kDict) Fail("\"state_dict\" is no dict.");
        return pickle_.nodes[value];
      }
      all_tensors = all_tensors && pickle_.nodes[value].kind == Kind::kTensor;
      if (keys.size() < 8) keys.push_back(name.kind == Kind::kString ? name.text : "(no text)");
    }
    if (!all_tensors) {
      Fail("must hold \"state_dict\" or tensors alone, but holds: " + Join(keys, ", ") + ".");
    }
    return root;
  }

  std::span<const std::byte> StorageBytes(const std::string& name, const PickleNode& storage) {
    const auto found = storages_.find(storage.text);
    if (found != storages_.end()) return found->second;
    if (storage.text.empty() || storage.text.size() > 64 ||
        storage.text.find('/') != std::string::npos) {
      Fail("the tensor " + name + " names a storage that no torch.save would.");
    }
    const auto bytes = zip_.Read(root_ + "/data/" + storage.text);
    return storages_.emplace(storage.text, bytes).first->second;
  }

  TensorView View(const std::string& name, const PickleNode& tensor, PthFile& out) {
    const PickleNode& storage = pickle_.nodes[tensor.storage];
    const auto bytes = StorageBytes(name, storage);
    const uint64_t size = SizeOf(storage.dtype);
    const auto held = static_cast<uint64_t>(storage.integer);
    if (held > bytes.size() / size || held * size != bytes.size()) {
      Fail("the storage of " + name + " must be " + std::to_string(held) + " elements of " +
           std::to_string(size) + " bytes, but has " + std::to_string(bytes.size()) + " bytes.");
    }
    TensorView view{storage.dtype, tensor.shape, {}};
    if (std::count(tensor.shape.begin(), tensor.shape.end(), 0) > 0) return view;
    // Nothing here passes `held`, which is at most the size of the file.
    uint64_t elements = 1, last = static_cast<uint64_t>(tensor.integer);
    bool contiguous = true, inside = last < held;
    for (size_t i = tensor.shape.size(); inside && i-- > 0;) {
      const auto n = static_cast<uint64_t>(tensor.shape[i]);
      const auto stride = static_cast<uint64_t>(tensor.strides[i]);
      if (n == 1) continue;
      contiguous = contiguous && stride == elements;
      inside = elements <= held / n && (stride == 0 || n - 1 <= (held - 1 - last) / stride);
      elements *= n;
      last += (n - 1) * stride;
    }
    if (!inside) {
      Fail("the tensor " + name + " does not fit into its storage of " + std::to_string(held) +
           " elements.");
    }
    const auto begin = bytes.subspan(static_cast<size_t>(tensor.integer) * size);
    const bool aligned = reinterpret_cast<uintptr_t>(begin.data()) % size == 0;
    view.bytes = contiguous && aligned ? begin.first(elements * size)
                                       : Copy(name, begin, tensor, elements, size, out);
    return view;
  }

  std::span<const std::byte> Copy(const std::string& name, std::span<const std::byte> begin,
                                  const PickleNode& tensor, uint64_t elements, uint64_t size,
                                  PthFile& out) {
    if (elements * size > budget_) {
      Fail("the tensors up to " + name + " need more memory than twice the file.");
    }
    budget_ -= elements * size;
    auto& copy = out.copies.emplace_back(elements * size);
    std::vector<int64_t> index(tensor.shape.size(), 0);
    uint64_t from = 0;
    for (uint64_t i = 0; i < elements; ++i) {
      std::memcpy(copy.data() + i * size, begin.data() + from * size, size);
      for (size_t d = index.size(); d-- > 0;) {  // The next index in row-major order.
        from += static_cast<uint64_t>(tensor.strides[d]);
        if (++index[d] < tensor.shape[d]) break;
        from -= static_cast<uint64_t>(tensor.strides[d]) * static_cast<uint64_t>(tensor.shape[d]);
        index[d] = 0;
      }
    }
    return copy;
  }

  const std::string& where_;  // The caller's; it outlives the reader.
  ZipMembers zip_;
  std::string root_;
  Pickle pickle_;
  std::map<std::string, std::span<const std::byte>> storages_;
  uint64_t budget_;  // Bytes that may still be copied.
};

void StripPrefixes(PthFile& out, const std::string& where) {
  std::map<std::string, TensorView, std::less<>> stripped;
  bool world_model = false;
  const auto without_module = [](std::string_view name) {
    return name.starts_with("module.") ? name.substr(7) : name;
  };
  for (const auto& [name, view] : out.tensors) {
    world_model = world_model || without_module(name).starts_with("vae.");
  }
  for (const auto& [name, view] : out.tensors) {
    std::string_view rest = without_module(name);
    if (world_model && !rest.starts_with("vae.")) {
      out.left_out.push_back(name);
      continue;
    }
    if (world_model) rest.remove_prefix(4);
    if (!stripped.emplace(std::string(rest), view).second) {
      throw CheckpointError(where + ": " + std::string(rest) +
                            " stands there with and without a prefix.");
    }
  }
  out.tensors = std::move(stripped);
}

void RefuseOtherFormats(std::span<const std::byte> bytes, const std::string& where) {
  const auto starts = [&](std::initializer_list<int> magic) {
    if (bytes.size() < magic.size()) return false;
    size_t i = 0;
    for (int byte : magic) {
      if (static_cast<int>(bytes[i++]) != byte) return false;
    }
    return true;
  };
  if (starts({'P', 'K'})) return;
  if (starts({0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc})) {
    throw CheckpointError(where +
                          ": is in torch's format from before 1.6, which is not read. Load it in a "
                          "torch that you trust "
                          "with the file and save it again: torch.save(torch.load(path, "
                          "map_location=\"cpu\"), path).");
  }
  throw CheckpointError(where + ": is no file of torch.save: it must start with \"PK\".");
}

}  // namespace

PthFile ParsePth(std::span<const std::byte> bytes, const std::string& where) {
  RefuseOtherFormats(bytes, where);
  PthFile out;
  Reader(bytes, where).ReadInto(out);
  StripPrefixes(out, where);
  return out;
}

PthFile OpenPth(const std::filesystem::path& path) {
  MappedFile file;
  try {
    file = MappedFile(path);
  } catch (const DataError& error) {
    throw CheckpointError(error.what());
  }
  PthFile out = ParsePth(file.bytes(), path.string());
  out.file = std::move(file);
  return out;
}

}  // namespace occvla::model

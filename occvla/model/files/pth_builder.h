#pragma once
#include <zlib.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace occvla::model {

/// Little-endian bytes of an unsigned number.
inline std::string Little(uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
  return out;
}

/// Writes pickles by opcode, for tests.
class PickleBuilder {
 public:
  PickleBuilder() : bytes_("\x80\x02") {}
  PickleBuilder& Raw(std::string_view bytes) { return bytes_ += bytes, *this; }
  PickleBuilder& Text(std::string_view text) {
    return Raw("X").Raw(Little(text.size(), 4)).Raw(text);
  }
  PickleBuilder& Int(int32_t value) {
    return Raw("J").Raw(Little(static_cast<uint32_t>(value), 4));
  }
  PickleBuilder& Global(std::string_view module, std::string_view name) {
    return Raw("c").Raw(module).Raw("\n").Raw(name).Raw("\n");
  }
  PickleBuilder& Tuple(const std::vector<int>& values) {
    Raw("(");
    for (int value : values) Int(value);
    return Raw("t");
  }
  /// A tensor on "cuda:0", as torch.save describes it.
  PickleBuilder& Tensor(std::string_view storage_class, std::string_view key, int stored,
                        int offset, const std::vector<int>& shape,
                        const std::vector<int>& strides) {
    Global("torch._utils", "_rebuild_tensor_v2").Raw("((").Text("storage");
    Global("torch", storage_class).Text(key).Text("cuda:0").Int(stored).Raw("tQ").Int(offset);
    Tuple(shape).Tuple(strides).Raw("\x89").Global("collections", "OrderedDict");
    return Raw(")RtR");
  }
  PickleBuilder& Float(std::string_view key, int stored, int offset, const std::vector<int>& shape,
                       const std::vector<int>& strides) {
    return Tensor("FloatStorage", key, stored, offset, shape, strides);
  }
  std::string Stop() { return bytes_ + "."; }

 private:
  std::string bytes_;
};

/// Writes stored zip archives, for tests.
class ZipBuilder {
 public:
  ZipBuilder& Add(const std::string& name, const std::string& bytes, uint16_t method = 0,
                  uint16_t flags = 0) {
    const auto crc = static_cast<uint32_t>(
        ::crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
    const std::string shared = Little(20, 2) + Little(flags, 2) + Little(method, 2) + Little(0, 4) +
                               Little(crc, 4) + Little(bytes.size(), 4) + Little(bytes.size(), 4) +
                               Little(name.size(), 2);
    directory_ += "PK\x01\x02" + Little(20, 2) + shared + Little(0, 2) + Little(0, 2) +
                  Little(0, 2) + Little(0, 2) + Little(0, 4) + Little(data_.size(), 4) + name;
    // Data start at a multiple of 64, as in torch.save's files.
    const size_t padding = (64 - (data_.size() + 30 + name.size()) % 64) % 64;
    data_ += "PK\x03\x04" + shared + Little(padding, 2) + name + std::string(padding, '\0') + bytes;
    ++count_;
    return *this;
  }
  std::string Finish() const {
    return data_ + directory_ + "PK\x05\x06" + Little(0, 4) + Little(count_, 2) +
           Little(count_, 2) + Little(directory_.size(), 4) + Little(data_.size(), 4) +
           Little(0, 2);
  }

 private:
  std::string data_, directory_;
  uint64_t count_ = 0;
};

}  // namespace occvla::model

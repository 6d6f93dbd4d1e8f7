#include "occvla/model/tensors.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "occvla/base/error.h"

namespace occvla::model {
namespace {

struct TypePair {
  DType file;
  at::ScalarType torch;
};
constexpr TypePair kTypes[] = {
    {DType::kBool, at::kBool},
    {DType::kU8, at::kByte},
    {DType::kI8, at::kChar},
    {DType::kU16, at::kUInt16},
    {DType::kI16, at::kShort},
    {DType::kF16, at::kHalf},
    {DType::kBF16, at::kBFloat16},
    {DType::kU32, at::kUInt32},
    {DType::kI32, at::kInt},
    {DType::kF32, at::kFloat},
    {DType::kU64, at::kUInt64},
    {DType::kI64, at::kLong},
    {DType::kF64, at::kDouble},
    {DType::kF8E4M3, at::kFloat8_e4m3fn},
    {DType::kF8E5M2, at::kFloat8_e5m2},
};

}  // namespace

at::ScalarType ScalarTypeOf(DType dtype) {
  for (const auto& pair : kTypes)
    if (pair.file == dtype) return pair.torch;
  TORCH_CHECK(false, "no tensor type for file type ", static_cast<int>(dtype));
}

DType DTypeOf(at::ScalarType type) {
  for (const auto& pair : kTypes)
    if (pair.torch == type) return pair.file;
  TORCH_CHECK(false, "tensors of type ", type, " have no place in a safetensors file");
}

at::Tensor TensorFromView(const TensorView& view, const std::string& name) {
  size_t bytes = SizeOf(view.dtype);
  bool overflow = false;
  for (const int64_t size : view.shape) {
    overflow |=
        size < 0 || __builtin_mul_overflow(bytes, static_cast<size_t>(size < 0 ? 0 : size), &bytes);
  }
  if (overflow || bytes != view.bytes.size()) {
    std::string shape;
    for (const int64_t size : view.shape)
      shape += (shape.empty() ? "" : ", ") + std::to_string(size);
    throw CheckpointError(name + ": " + std::string(SafetensorsName(view.dtype)) + " [" + shape +
                          "] does not fill its " + std::to_string(view.bytes.size()) +
                          " bytes exactly. The file is damaged: make or download it again.");
  }
  // A bool that is neither 0 nor 1 is undefined behaviour wherever it is read.
  if (view.dtype == DType::kBool && std::any_of(view.bytes.begin(), view.bytes.end(),
                                                [](std::byte b) { return b > std::byte{1}; })) {
    throw CheckpointError(name + ": BOOL holds bytes other than 0 and 1. Write it again as U8.");
  }
  const auto options = at::TensorOptions().dtype(ScalarTypeOf(view.dtype));
  const auto address = reinterpret_cast<uintptr_t>(view.bytes.data());
  if (bytes == 0 || address % SizeOf(view.dtype) != 0) {
    auto copy = at::empty(view.shape, options);
    if (bytes != 0) std::memcpy(copy.data_ptr(), view.bytes.data(), bytes);
    return copy;
  }
  // torch knows no read-only tensors; the contract in the header stands in for the lost const.
  return at::from_blob(const_cast<std::byte*>(view.bytes.data()), view.shape, options);
}

TensorView ViewOfTensor(const at::Tensor& tensor) {
  TORCH_CHECK(tensor.device().is_cpu() && tensor.is_contiguous(),
              "a view needs a contiguous tensor", " on the CPU, got ", tensor.sizes(),
              " with strides ", tensor.strides(), " on ", tensor.device());
  return {DTypeOf(tensor.scalar_type()),
          tensor.sizes().vec(),
          {static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes()}};
}

}  // namespace occvla::model

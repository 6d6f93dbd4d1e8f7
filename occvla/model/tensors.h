#pragma once
#include <ATen/core/Tensor.h>

#include "occvla/base/safetensors.h"

namespace occvla::model {

/// A file's tensor as a CPU tensor of the same type and shape, without a copy where the bytes are
/// aligned for their type (they are in files of ours), else copied. The tensor does not own mapped
/// bytes: what the view was made from must outlive it. Mapped memory is read-only: writing to the
/// tensor in place ends the program. Throws CheckpointError where the byte count is not that of the
/// shape; `name` opens the complaint.
at::Tensor TensorFromView(const TensorView& view, const std::string& name = "tensor");

/// The other way round, for writing: a view of a contiguous CPU tensor, which must outlive the
/// view. The element type must be one of DType (TORCH_CHECK).
TensorView ViewOfTensor(const at::Tensor& tensor);

at::ScalarType ScalarTypeOf(DType dtype);
DType DTypeOf(at::ScalarType type);

}  // namespace occvla::model

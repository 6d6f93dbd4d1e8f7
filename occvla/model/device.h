#pragma once
#include <c10/core/Device.h>

#include <string>

#include "occvla/kernels/cuda_library.h"

namespace occvla::model {

/// "cpu", "cuda" or "cuda:N". For the latter two, torch's CUDA library is opened first, so that a
/// program built against the CPU part runs on both. Throws ConfigError for other words, DeviceError
/// when this torch has no CUDA library or the machine no such device.
c10::Device OpenDevice(const std::string& name);

/// liboccvla_cuda.so from the program's own folder, opened on first use. Without it a GPU runs the
/// same functions through torch alone.
const kernels::CudaLibrary& CudaKernels();

}  // namespace occvla::model

#pragma once
#include <c10/core/Device.h>

#include <string>

namespace occvla::model {

/// "cpu", "cuda" or "cuda:N". For the latter two, torch's CUDA library is opened first, so that a
/// program built against the CPU part runs on both. Throws ConfigError for other words, DeviceError
/// when this torch has no CUDA library or the machine no such device.
c10::Device OpenDevice(const std::string& name);

}  // namespace occvla::model

#include "occvla/model/device.h"

#include <ATen/Context.h>
#include <dlfcn.h>

#include <filesystem>

#include "occvla/base/error.h"

namespace occvla::model {

c10::Device OpenDevice(const std::string& name) {
  if (name == "cpu") return c10::kCPU;
  const bool numbered = name.rfind("cuda:", 0) == 0 && name.size() > 5 && name.size() <= 8 &&
                        name.find_first_not_of("0123456789", 5) == std::string::npos;
  if (name != "cuda" && !numbered) {
    throw ConfigError("device must be cpu, cuda or cuda:N, but is \"" + name + "\"");
  }
  // Registers the CUDA kernels with the dispatcher; stays open to the end of the program.
  if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    throw DeviceError("device " + name + ": this torch has no CUDA library (" + dlerror() +
                      "). Build with OCCVLA_TORCH set to a torch with CUDA, or use --device cpu.");
  }
  const int wanted = numbered ? std::stoi(name.substr(5)) : 0;
  const auto count = at::globalContext().hasCUDA() ? at::detail::getCUDAHooks().deviceCount() : 0;
  if (wanted >= count) {
    throw DeviceError("device " + name + ": this machine shows " + std::to_string(count) +
                      " CUDA devices. Check the driver with nvidia-smi, or use --device cpu.");
  }
  // The VQ-VAE's codes move under TF32 (facts/model.md B.3).
  at::globalContext().setAllowTF32CuDNN(false);
  at::globalContext().setAllowTF32CuBLAS(false);
  return {c10::kCUDA, static_cast<c10::DeviceIndex>(wanted)};
}

const kernels::CudaLibrary& CudaKernels() {
  static const kernels::CudaLibrary library([] {
    std::error_code error;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
    return (program.parent_path() / "liboccvla_cuda.so").string();
  }());
  return library;
}

}  // namespace occvla::model

#include "occvla/kernels/cuda_library.h"

#include <dlfcn.h>

namespace occvla::kernels {
namespace {

/// Sets `function` to the library's `name`; returns what is wrong.
template <typename Function>
std::string Find(void* library, const std::string& path, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (function) return "";
  return path + ": has no function \"" + name +
         "\", so it is not this program's CUDA library. Build it with -DOCCVLA_CUDA=ON.";
}

}  // namespace

std::string CudaAbiProblem(const std::string& path, int abi) {
  if (abi == OCCVLA_CUDA_ABI) return "";
  return path + ": has interface " + std::to_string(abi) + ", but this program needs " +
         std::to_string(OCCVLA_CUDA_ABI) + ". Build the program and the library from one source.";
}

CudaLibrary::CudaLibrary(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library) {
    const char* reason = dlerror();
    problem_ = path + ": the CUDA library cannot be opened (" + (reason ? reason : "no reason") +
               "). Build it with -DOCCVLA_CUDA=ON and name its folder in LD_LIBRARY_PATH, or run " +
               "on the CPU.";
    return;
  }
  decltype(&occvla_cuda_abi) abi = nullptr;
  problem_ = Find(library, path, "occvla_cuda_abi", abi);
  if (usable()) problem_ = CudaAbiProblem(path, abi());
  if (usable()) problem_ = Find(library, path, "occvla_cuda_error", error);
  if (usable()) problem_ = Find(library, path, "occvla_cuda_attention", attention);
  if (usable()) problem_ = Find(library, path, "occvla_cuda_rms_norm", rms_norm);
  if (usable()) problem_ = Find(library, path, "occvla_cuda_gelu_tanh", gelu_tanh);
  if (usable()) problem_ = Find(library, path, "occvla_cuda_rotary", rotary);
}

}  // namespace occvla::kernels

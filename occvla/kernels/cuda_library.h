#pragma once
#include <string>

#include "occvla/kernels/cuda/api.h"

namespace occvla::kernels {

/// liboccvla_cuda.so, opened at run time: the program neither links to it nor needs it. Once open
/// it stays so until the process ends, because a stream may still run its code.
class CudaLibrary {
 public:
  /// Looks for `path`, by the loader's rules when it has no slash. Never throws: a machine without
  /// CUDA is nothing unusual. `problem` says why the library cannot be used.
  explicit CudaLibrary(const std::string& path = "liboccvla_cuda.so");

  bool usable() const { return problem_.empty(); }
  /// Empty when usable; else what was looked for, what was found and what to do.
  const std::string& problem() const { return problem_; }

  // Only when usable; see cuda/api.h.
  decltype(&occvla_cuda_error) error = nullptr;
  decltype(&occvla_cuda_attention) attention = nullptr;
  decltype(&occvla_cuda_rms_norm) rms_norm = nullptr;
  decltype(&occvla_cuda_gelu_tanh) gelu_tanh = nullptr;
  decltype(&occvla_cuda_rotary) rotary = nullptr;

 private:
  std::string problem_;
};

/// What is wrong with a library of that interface number; empty when nothing is.
std::string CudaAbiProblem(const std::string& path, int abi);

}  // namespace occvla::kernels

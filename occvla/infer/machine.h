#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace occvla::infer {

/// What this machine is, as far as the program's speed depends on it.
struct Machine {
  std::string cpu;                    ///< As the kernel names it.
  std::vector<std::string> features;  ///< Of those that the program can use: "avx2", ...
  std::string kernels;                ///< The instruction set that own kernels run with.
  int processors = 0;                 ///< That this process may run on.
  int threads = 0;                    ///< That tensor operations use.
  std::string torch;                  ///< Version.
  std::string torch_capability;       ///< The instruction set that torch dispatches to.
  uint64_t memory_bytes = 0;          ///< Of the machine, or the control group's limit if lower.
  uint64_t memory_free_bytes = 0;
  uint64_t disk_free_bytes = 0;  ///< In the current folder.
  bool has_gpu = false;          ///< An NVIDIA driver is loaded.
  std::string cuda;              ///< "loaded", or why the CUDA library is not used.
};
Machine ExamineMachine();

/// Short measurements, under three seconds together, on all threads.
struct Speed {
  double read_bytes_per_second = 0;  ///< Streaming through memory far above the caches.
  double f32_flops = 0;              ///< Matrix products of 768 x 1536 by 1536 x 1536.
  double bf16_flops = 0;
};
Speed MeasureSpeed();

/// What would be slow or impossible here, and why: one sentence each.
std::vector<std::string> Warnings(const Machine& machine, const Speed& speed);

}  // namespace occvla::infer

#pragma once
#include <cstddef>
#include <deque>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "occvla/base/files.h"
#include "occvla/base/safetensors.h"

namespace occvla::model {

/// The tensors of a file that torch.save wrote. Views into the mapped file where a tensor lies
/// there contiguously at a multiple of its element size, else into copies. Move-only.
struct PthFile {
  std::map<std::string, TensorView, std::less<>> tensors;
  /// Names that were left out: parts of a world model that stand beside `vae.*`.
  std::vector<std::string> left_out;

  MappedFile file;
  std::deque<std::vector<std::byte>> copies;
};

/// Reads the `state_dict` of a torch file (zip + pickle, torch 1.6 and later), or the file itself
/// when it is a dict of tensors alone. Nothing in the file is run (pickle.h). The prefixes
/// `module.` and then `vae.` are taken off; where there are `vae.*`, other tensors are left out.
/// Storages tagged for a GPU are read like any other. Throws CheckpointError.
PthFile OpenPth(const std::filesystem::path& path);

/// The same for bytes in memory, which outlive the result's views; `where` opens every complaint.
PthFile ParsePth(std::span<const std::byte> bytes, const std::string& where);

}  // namespace occvla::model

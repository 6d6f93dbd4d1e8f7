#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "occvla/base/safetensors.h"
#include "occvla/model/files/config.h"

namespace occvla::model {

/// A scene VQ-VAE by itself: OccWorld's keys without prefix, exactly VqvaeTensors(config).
struct VqvaeFile {
  VqvaeConfig config;
  std::map<std::string, TensorView, std::less<>> tensors;
  std::shared_ptr<const void> owner;  ///< Keeps the mapped file and the copies alive.
};

/// From an OccWorld `.pth` (sizes are read off the shapes), a folder that `convert occworld` wrote,
/// or a whole checkpoint folder with an occupancy branch. Throws CheckpointError that lists every
/// tensor missing, left over or of the wrong shape.
VqvaeFile OpenVqvae(const std::filesystem::path& path);

/// config.json of a folder that holds a VQ-VAE alone.
std::string VqvaeConfigToJson(const VqvaeConfig& config);

}  // namespace occvla::model

#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

/// The folder `checkpoints` of a run: step-00000200/ and more of them, last -> step-00000200, best
/// -> step-00000100. A checkpoint appears under its name only when every byte of it is on the disk,
/// with the SHA-256 of its files in content.json.
namespace occvla::train {

/// The checkpoints there are, by step, the last one last.
std::vector<std::filesystem::path> CheckpointsIn(const std::filesystem::path& folder);

/// Where the checkpoint of a step is put together.
std::filesystem::path UnfinishedCheckpoint(const std::filesystem::path& folder, int64_t step);
/// Writes content.json into it, brings it onto the disk and gives it its name. Throws DeviceError
/// when the disk is full.
std::filesystem::path SealCheckpoint(const std::filesystem::path& folder, int64_t step);

/// Compares the hashes of a checkpoint's files: CheckpointError says which is damaged and which
/// earlier checkpoint is sound.
void RequireSound(const std::filesystem::path& checkpoint);

/// Points `name` ("last", "best") at a checkpoint.
void PointAt(const std::filesystem::path& folder, const std::string& name,
             const std::filesystem::path& checkpoint);
/// Removes all but the last `keep` checkpoints and what `best` points at, and leftovers of saves
/// that never ended.
void Prune(const std::filesystem::path& folder, int64_t keep);

}  // namespace occvla::train

#pragma once
#include <string>

#include "occvla/data/nuscenes/complaints.h"
#include "occvla/data/nuscenes/table_reader.h"
#include "occvla/data/nuscenes/table_store.h"

/// What rows of different tables say about each other once references are resolved. `table` is a
/// name for complaints, "v1.0-mini/scene.json".
namespace occvla::data::nuscenes {

/// No two records of `visibility` have one level.
void CheckLevels(const TableStore& store, const std::string& table, const TableState& state,
                 Complaints& complaints);
bool HasLevel(const TableStore& store, int32_t level);

/// Every camera has an intrinsic matrix.
void CheckCameras(const TableStore& store, const std::string& table, const TableState& state,
                  Complaints& complaints);

/// Sets LogRow::map from the maps' lists; every log is in exactly one (checked where both tables
/// are sound).
void LinkLogs(TableStore& store, const std::string& table, bool sound, Complaints& complaints);

/// Names are there and differ.
void CheckSceneNames(const TableStore& store, const std::string& table, const TableState& state,
                     Complaints& complaints);

/// Each scene's samples form one list from its first to its last, as many as it says, in time's
/// order.
void CheckScenes(const TableStore& store, const std::string& scene_table,
                 const std::string& sample_table, Complaints& complaints);

/// Images have a size, and a sample has at most one keyframe a sensor; where `linked`, lists stay
/// with one sensor.
void CheckSampleData(const TableStore& store, const std::string& table, const TableState& state,
                     bool linked, Complaints& complaints);

/// The same for instances as for scenes.
void CheckInstances(const TableStore& store, const std::string& instance_table,
                    const std::string& annotation_table, Complaints& complaints);

/// Fills the lists that samples' ranges point into: annotations and keyframes in the order of their
/// files.
void MakeLists(TableStore& store);

}  // namespace occvla::data::nuscenes

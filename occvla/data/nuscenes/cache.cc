#include "occvla/data/nuscenes/table_store.h"

namespace occvla::data::nuscenes {

Tables ReadTables(const std::filesystem::path& dataroot, const std::string& version, CacheUse) {
  auto impl = std::make_unique<TablesAccess::Impl>();
  impl->store = ReadTableFiles(dataroot, version);
  TablesAccess::PointIntoStore(*impl);
  return TablesAccess::Make(std::move(impl));
}

}  // namespace occvla::data::nuscenes

#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "occvla/data/nuscenes/table_store.h"

namespace occvla::data::nuscenes {

/// Writes the tables as one file of the very arrays that Tables' spans point to, each at a multiple
/// of 64 bytes, with a header and a tag for each 4 MiB. Equal tables give equal bytes. The file
/// appears under its name only when whole; it is not flushed, for what a power cut tears is found
/// by its tags. Throws DataError or DeviceError (disk full), leaving nothing under the name.
/// `temporary` lies in the same folder.
void WriteCacheFile(const std::filesystem::path& path, const std::filesystem::path& temporary,
                    const TableStore& store, size_t threads);

/// Maps such a file. Every byte is checked against its tag, and then every row index, range, text
/// and flag against its bounds, so that nothing read through the spans can lie outside them. Throws
/// DataError for anything else: half written, damaged, of another format or byte order, of another
/// key.
std::unique_ptr<TablesAccess::Impl> OpenCacheFile(const std::filesystem::path& path,
                                                  const std::string& content_key, size_t threads);

}  // namespace occvla::data::nuscenes

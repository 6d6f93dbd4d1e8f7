#include <libdeflate.h>
#include <zip.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/npy.h"
#include "occvla/base/text.h"

namespace occvla {
namespace {

// Deflate makes at most 1032 bytes of one; a member that declares more is a lie.
constexpr uint64_t kMaxInflation = 1032;
constexpr size_t kMaxMemberName = 1024;

struct ArchiveDeleter {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
using Archive = std::unique_ptr<zip_t, ArchiveDeleter>;

struct SourceDeleter {
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using Source = std::unique_ptr<zip_source_t, SourceDeleter>;

struct MemberDeleter {
  void operator()(zip_file_t* file) const { (void)zip_fclose(file); }
};

class ZipError {
 public:
  ZipError() { zip_error_init(&error_); }
  ~ZipError() { zip_error_fini(&error_); }
  ZipError(const ZipError&) = delete;
  ZipError& operator=(const ZipError&) = delete;
  zip_error_t* get() { return &error_; }
  std::string text() { return Printable(zip_error_strerror(&error_)); }

 private:
  zip_error_t error_;
};

[[noreturn]] void Fail(const std::string& where, const std::string& problem) {
  throw DataError(where + ": " + problem + ". Save the arrays again with numpy.savez_compressed.");
}

// What is wrong with a member's name; empty if nothing.
std::string NameProblem(std::string_view name) {
  if (name.size() > kMaxMemberName)
    return "is longer than " + std::to_string(kMaxMemberName) + " bytes";
  if (!IsValidUtf8(name)) return "is not UTF-8";
  if (name.find('\0') != std::string_view::npos) return "holds a zero byte";
  if (name.starts_with('/') || name.find('\\') != std::string_view::npos ||
      (name.size() > 1 && name[1] == ':'))
    return "is not relative";
  for (size_t start = 0; start <= name.size();) {
    const size_t end = std::min(name.find('/', start), name.size());
    const std::string_view part = name.substr(start, end - start);
    if (part == ".." || part == "." || part.empty()) return "climbs or has empty parts";
    start = end + 1;
  }
  if (!name.ends_with(".npy") || name.size() == 4) return "does not end in .npy";
  return "";
}

struct Member {
  std::string name;
  uint64_t index = 0;
  uint64_t size = 0, packed_size = 0;
  uint32_t crc = 0;
  bool deflated = false;
};

// Everything that the directory tells is checked here, before any member is inflated.
std::vector<Member> CheckDirectory(zip_t* archive, const std::string& where,
                                   const NpyLimits& limits) {
  const auto count =
      static_cast<uint64_t>(std::max<zip_int64_t>(0, zip_get_num_entries(archive, 0)));
  if (count > limits.max_arrays) {
    Fail(where, "holds " + std::to_string(count) + " members, at most " +
                    std::to_string(limits.max_arrays) + " are accepted here");
  }
  std::vector<Member> members;
  std::set<std::string> names;
  uint64_t total = 0;
  for (uint64_t i = 0; i < count; ++i) {
    zip_stat_t status;
    zip_stat_init(&status);
    constexpr uint64_t kNeeded = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE |
                                 ZIP_STAT_COMP_METHOD | ZIP_STAT_CRC | ZIP_STAT_ENCRYPTION_METHOD;
    if (zip_stat_index(archive, i, ZIP_FL_ENC_RAW, &status) != 0 ||
        (status.valid & kNeeded) != kNeeded)
      Fail(where, "member " + std::to_string(i) + " has no usable directory entry");
    const std::string name = status.name;
    const std::string what = "member " + Quoted(name);
    const std::string problem = NameProblem(name);
    if (!problem.empty()) Fail(where, what + ": its name " + problem);
    if (!names.insert(name).second) Fail(where, what + " occurs twice");
    if (status.encryption_method != ZIP_EM_NONE) Fail(where, what + " is encrypted");
    if (status.comp_method != ZIP_CM_STORE && status.comp_method != ZIP_CM_DEFLATE) {
      Fail(where, what + " is compressed by method " + std::to_string(status.comp_method) +
                      "; stored and deflated are supported");
    }
    // A header of a few hundred bytes comes on top of the array; its own bound is in ParseNpy.
    if (status.size > limits.max_array_bytes + 65'546) {
      Fail(where, what + " declares " + std::to_string(status.size) + " bytes, at most " +
                      std::to_string(limits.max_array_bytes) + " are accepted here");
    }
    total += status.size;
    if (total > limits.max_total_bytes) {
      Fail(where, "its members declare more than " + std::to_string(limits.max_total_bytes) +
                      " bytes together");
    }
    const bool stored = status.comp_method == ZIP_CM_STORE;
    if (stored ? status.size != status.comp_size : status.size / kMaxInflation > status.comp_size) {
      Fail(where, what + " declares " + std::to_string(status.size) + " bytes, which its " +
                      std::to_string(status.comp_size) + (stored ? " stored" : " compressed") +
                      " bytes cannot hold");
    }
    members.push_back({name, i, status.size, status.comp_size, status.crc, !stored});
  }
  return members;
}

struct InflaterDeleter {
  void operator()(libdeflate_decompressor* inflater) const {
    libdeflate_free_decompressor(inflater);
  }
};
using Inflater = std::unique_ptr<libdeflate_decompressor, InflaterDeleter>;

// A member's bytes as the archive holds them.
std::vector<std::byte> ReadRaw(zip_t* archive, const Member& member, const std::string& where,
                               const std::string& what) {
  const std::unique_ptr<zip_file_t, MemberDeleter> file(
      zip_fopen_index(archive, member.index, ZIP_FL_COMPRESSED));
  if (!file) Fail(where, what + ": " + Printable(zip_strerror(archive)));
  std::vector<std::byte> bytes(member.packed_size);
  uint64_t done = 0;
  while (done < bytes.size()) {
    const zip_int64_t got = zip_fread(file.get(), bytes.data() + done, bytes.size() - done);
    if (got < 0) Fail(where, what + ": " + Printable(zip_file_strerror(file.get())));
    if (got == 0) Fail(where, what + " ends before its end");
    done += static_cast<uint64_t>(got);
  }
  return bytes;
}

// libdeflate in one go: twice as fast as libzip with zlib, and frames wait for nothing else.
std::vector<std::byte> Inflate(zip_t* archive, const Member& member,
                               libdeflate_decompressor* inflater, const std::string& where) {
  const std::string what = "member " + Quoted(member.name);
  std::vector<std::byte> bytes = ReadRaw(archive, member, where, what);
  if (member.deflated) {
    const std::vector<std::byte> packed = std::exchange(bytes, std::vector<std::byte>(member.size));
    size_t size = 0;
    const libdeflate_result result = libdeflate_deflate_decompress(
        inflater, packed.data(), packed.size(), bytes.data(), bytes.size(), &size);
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE) {
      Fail(where, what + " inflates to more than the " + std::to_string(bytes.size()) +
                      " bytes it declares");
    }
    if (result != LIBDEFLATE_SUCCESS) Fail(where, what + ": its compressed data is damaged");
    if (size != bytes.size()) {
      Fail(where, what + " declares " + std::to_string(bytes.size()) + " bytes, but inflates to " +
                      std::to_string(size));
    }
  }
  if (libdeflate_crc32(0, bytes.data(), bytes.size()) != member.crc)
    Fail(where, what + ": CRC error");
  return bytes;
}

}  // namespace

std::map<std::string, NpyArray> ParseNpz(std::span<const std::byte> file, const std::string& where,
                                         const NpyLimits& limits) {
  // libzip takes an empty file for an archive without members.
  if (file.empty()) Fail(where, "is empty");
  ZipError error;
  Source source(zip_source_buffer_create(file.data(), file.size(), 0, error.get()));
  if (!source) Fail(where, "cannot be read as a zip archive: " + error.text());
  Archive archive(zip_open_from_source(source.get(), ZIP_RDONLY, error.get()));
  if (!archive) Fail(where, "is not a whole zip archive: " + error.text());
  (void)source.release();  // The archive owns it now.
  std::map<std::string, NpyArray> arrays;
  const Inflater inflater(libdeflate_alloc_decompressor());
  if (!inflater) throw std::bad_alloc();
  for (const Member& member : CheckDirectory(archive.get(), where, limits)) {
    std::vector<std::byte> bytes = Inflate(archive.get(), member, inflater.get(), where);
    arrays.emplace(member.name.substr(0, member.name.size() - 4),
                   ParseNpy(std::move(bytes), where + ", member " + Quoted(member.name), limits));
  }
  return arrays;
}

std::map<std::string, NpyArray> ReadNpz(const std::filesystem::path& path,
                                        const NpyLimits& limits) {
  return ParseNpz(MappedFile(path).bytes(), path.string(), limits);
}

namespace {

// `take` gets the archive in pieces, in order.
void MakeNpz(const std::string& where, const std::map<std::string, NpyArray>& arrays,
             int deflate_level, const std::function<void(std::span<const std::byte>)>& take) {
  OCCVLA_DCHECK(1 <= deflate_level && deflate_level <= 9);
  const auto fail = [&](const std::string& problem) {
    throw DataError(where + ": cannot be written: " + problem + ".");
  };
  if (arrays.empty()) fail("there are no arrays");
  // Both are read by zip_close, so they outlive the archive.
  std::map<std::string, std::string> headers;
  std::vector<std::vector<zip_buffer_fragment_t>> fragments;
  fragments.reserve(arrays.size());
  for (const auto& [name, array] : arrays) {
    const std::string problem = NameProblem(name + ".npy");
    if (!problem.empty()) fail("the array name " + Quoted(name) + " " + problem);
    if (ByteCount(array.dtype, array.shape) != array.bytes.size()) {
      fail("the array " + Quoted(name) + " of " + std::to_string(array.bytes.size()) +
           " bytes is not " + std::string(SafetensorsName(array.dtype)) + " " +
           ShapeText(array.shape));
    }
    headers[name] = NpyHeader(array.dtype, array.shape);
  }
  ZipError error;
  Source whole(zip_source_buffer_create(nullptr, 0, 0, error.get()));
  if (!whole) fail(error.text());
  zip_source_keep(whole.get());  // One reference for the archive, one to read it back.
  Archive archive(zip_open_from_source(whole.get(), ZIP_TRUNCATE, error.get()));
  if (!archive) {
    zip_source_free(whole.get());
    fail(error.text());
  }
  for (const auto& [name, array] : arrays) {
    const std::string& header = headers[name];
    // libzip never writes through these pointers; its struct serves other uses too.
    const auto piece = [](const void* data, size_t size) {
      return zip_buffer_fragment_t{static_cast<zip_uint8_t*>(const_cast<void*>(data)), size};
    };
    fragments.push_back({piece(header.data(), header.size())});
    if (!array.bytes.empty())
      fragments.back().push_back(piece(array.bytes.data(), array.bytes.size()));
    Source data(zip_source_buffer_fragment_create(fragments.back().data(), fragments.back().size(),
                                                  0, error.get()));
    if (!data) fail(error.text());
    const zip_int64_t index =
        zip_file_add(archive.get(), (name + ".npy").c_str(), data.get(), ZIP_FL_ENC_UTF_8);
    if (index < 0) fail(Printable(zip_strerror(archive.get())));
    (void)data.release();
    constexpr zip_uint16_t kMidnight = 0, kFirstOfJanuary1980 = (1 << 5) | 1;
    if (zip_set_file_compression(archive.get(), static_cast<zip_uint64_t>(index), ZIP_CM_DEFLATE,
                                 static_cast<zip_uint32_t>(deflate_level)) != 0 ||
        zip_file_set_dostime(archive.get(), static_cast<zip_uint64_t>(index), kMidnight,
                             kFirstOfJanuary1980, 0) != 0)
      fail(Printable(zip_strerror(archive.get())));
  }
  if (zip_close(archive.get()) != 0) fail(Printable(zip_strerror(archive.get())));
  (void)archive.release();

  if (zip_source_open(whole.get()) != 0) fail("the archive cannot be read back");
  std::vector<std::byte> buffer(size_t{1} << 20);
  for (;;) {
    const zip_int64_t got = zip_source_read(whole.get(), buffer.data(), buffer.size());
    if (got < 0) fail("the archive cannot be read back");
    if (got == 0) break;
    take(std::span(buffer).first(static_cast<size_t>(got)));
  }
  zip_source_close(whole.get());
}

}  // namespace

void WriteNpz(const std::filesystem::path& path, const std::map<std::string, NpyArray>& arrays,
              int deflate_level) {
  std::optional<AtomicFile> file;
  MakeNpz(path.string(), arrays, deflate_level, [&](std::span<const std::byte> piece) {
    if (!file) file.emplace(path);
    file->Write(piece);
  });
  file->Commit();
}

std::string NpzBytes(const std::map<std::string, NpyArray>& arrays, int deflate_level) {
  std::string bytes;
  MakeNpz("npz", arrays, deflate_level, [&](std::span<const std::byte> piece) {
    bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  });
  return bytes;
}

}  // namespace occvla

#include "occvla/serve/viewer/gzip.h"

#include <httplib.h>
#include <libdeflate.h>

#include <memory>
#include <new>
#include <nlohmann/json.hpp>

#include "occvla/base/error.h"

namespace occvla::serve::viewer {
namespace {

constexpr int kLevel = 1;
// The page's files are below a megabyte each.
constexpr size_t kMostBytes = size_t{64} << 20;

}  // namespace

std::string Gzip(std::span<const uint8_t> bytes) {
  const std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)> compressor(
      libdeflate_alloc_compressor(kLevel), libdeflate_free_compressor);
  if (!compressor) throw std::bad_alloc();
  std::string gzip(libdeflate_gzip_compress_bound(compressor.get(), bytes.size()), '\0');
  gzip.resize(libdeflate_gzip_compress(compressor.get(), bytes.data(), bytes.size(), gzip.data(),
                                       gzip.size()));
  return gzip;
}

std::string Gunzip(std::span<const std::byte> gzip) {
  const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)>
      decompressor(libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
  if (!decompressor) throw std::bad_alloc();
  std::string bytes(gzip.size() * 4 + 1024, '\0');
  for (;;) {
    size_t size = 0;
    const auto result = libdeflate_gzip_decompress(decompressor.get(), gzip.data(), gzip.size(),
                                                   bytes.data(), bytes.size(), &size);
    if (result == LIBDEFLATE_SUCCESS) {
      bytes.resize(size);
      return bytes;
    }
    if (result != LIBDEFLATE_INSUFFICIENT_SPACE || bytes.size() > kMostBytes)
      throw DataError("A file of the viewer's page is damaged; build the program again.");
    bytes.resize(bytes.size() * 2);
  }
}

bool AcceptsGzip(const httplib::Request& request) {
  return request.get_header_value("Accept-Encoding").find("gzip") != std::string::npos;
}

void SendBytes(httplib::Response& response, std::string bytes, const std::string& content_type) {
  const auto shared = std::make_shared<const std::string>(std::move(bytes));
  if (shared->empty()) {
    response.set_content("", content_type);
    return;
  }
  response.set_content_provider(shared->size(), content_type,
                                [shared](size_t offset, size_t length, httplib::DataSink& sink) {
                                  return sink.write(shared->data() + offset, length);
                                });
}

void SendCompressed(const httplib::Request& request, httplib::Response& response, std::string bytes,
                    const std::string& content_type) {
  response.set_header("Vary", "Accept-Encoding");
  if (AcceptsGzip(request)) {
    response.set_header("Content-Encoding", "gzip");
    bytes = Gzip({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  }
  SendBytes(response, std::move(bytes), content_type);
}

void SendCompressed(const httplib::Request& request, httplib::Response& response,
                    const nlohmann::ordered_json& json) {
  SendCompressed(
      request, response,
      json.dump(-1, ' ', /*ensure_ascii=*/false, nlohmann::ordered_json::error_handler_t::replace),
      "application/json");
}

}  // namespace occvla::serve::viewer

#pragma once
#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

namespace httplib {
struct Request;
struct Response;
}  // namespace httplib

namespace occvla::serve::viewer {

/// `bytes` as a gzip file, by the fastest level that still compresses.
std::string Gzip(std::span<const uint8_t> bytes);
/// The bytes of a gzip file that this program made.
std::string Gunzip(std::span<const std::byte> gzip);

bool AcceptsGzip(const httplib::Request& request);

/// Answers with bytes as they are: the HTTP library would compress text itself, by Brotli's slowest
/// level, which takes longer than a frame may.
void SendBytes(httplib::Response& response, std::string bytes, const std::string& content_type);
/// Answers with bytes, compressed where the client takes gzip.
void SendCompressed(const httplib::Request& request, httplib::Response& response, std::string bytes,
                    const std::string& content_type);
/// The same for JSON.
void SendCompressed(const httplib::Request& request, httplib::Response& response,
                    const nlohmann::ordered_json& json);

}  // namespace occvla::serve::viewer

#include "occvla/serve/viewer/page.h"

#include <httplib.h>

#include "occvla/base/html.h"
#include "occvla/serve/viewer/gzip.h"

namespace occvla::serve::viewer {
namespace {

void Send(const PageFile& file, const httplib::Request& request, httplib::Response& response) {
  response.set_header("ETag", std::string(file.etag));
  response.set_header("Vary", "Accept-Encoding");
  // Names stay when contents change: the browser asks each time, and mostly hears "not modified".
  response.set_header("Cache-Control", "no-cache");
  if (request.get_header_value("If-None-Match") == file.etag) {
    response.status = 304;
    return;
  }
  const std::string type(file.content_type);
  if (!AcceptsGzip(request)) {
    SendBytes(response, Gunzip(file.gzip), type);
    return;
  }
  response.set_header("Content-Encoding", "gzip");
  const auto bytes = file.gzip;  // Lives as long as the program.
  response.set_content_provider(
      bytes.size(), type, [bytes](size_t offset, size_t length, httplib::DataSink& sink) {
        return sink.write(reinterpret_cast<const char*>(bytes.data()) + offset, length);
      });
}

void AddFile(httplib::Server& server, const std::string& route, const PageFile& file) {
  // A route is a regular expression; the only special character in the page's names is the dot.
  std::string pattern;
  for (const char letter : route) {
    if (letter == '.') pattern += '\\';
    pattern += letter;
  }
  server.Get(pattern, [&file](const httplib::Request& request, httplib::Response& response) {
    Send(file, request, response);
  });
}

}  // namespace

void AddPageRoutes(httplib::Server& server, const Page& page) {
  for (const PageFile& file : page.files) {
    AddFile(server, std::string(file.path), file);
    if (file.path == "/index.html") AddFile(server, "/", file);
    if (file.path == "/review.html") AddFile(server, "/review", file);
  }
  if (!page.files.empty()) return;
  server.Get("/", [reason = std::string(page.absent_reason)](const httplib::Request&,
                                                             httplib::Response& response) {
    response.status = 501;
    SendBytes(response,
              "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>occvla</title><p>" +
                  HtmlText(reason) + "</p></html>\n",
              "text/html; charset=utf-8");
  });
}

}  // namespace occvla::serve::viewer

#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace httplib {
class Server;
}

namespace occvla::serve::viewer {

/// One file of the page as it is sent: compressed ahead, named by its content.
struct PageFile {
  std::string_view path;  ///< "/index.html", "/assets/index.js".
  std::string_view content_type;
  std::string_view etag;  ///< Of the content; with its quotes.
  std::span<const std::byte> gzip;
};

/// What `web/` was built into. The program holds one, or says why it holds none.
struct Page {
  std::span<const PageFile> files;
  /// Why there are no files and what to do, one sentence; empty where there are.
  std::string_view absent_reason;
};

/// The page that was linked into this program (cmake/web.cmake).
const Page& EmbeddedPage();

/// GET of every file by its path; `/` gives /index.html, and `/review` what /review.html gives
/// where there is one. Nothing is read from disk. A program without the page answers `/` with the
/// reason.
void AddPageRoutes(httplib::Server& server, const Page& page);

}  // namespace occvla::serve::viewer

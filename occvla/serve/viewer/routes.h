#pragma once

namespace httplib {
class Server;
}

namespace occvla::serve {

namespace viewer {
class Source;
}

/// The page (GET /, /assets/...) and what it reads: GET /v1/frames, /v1/frames/TOKEN with its
/// images, occupancy and predictions, /v1/runs/metrics, /v1/runs/compare (docs/VIEWER.md). `source`
/// outlives the server.
void AddViewerRoutes(httplib::Server& server, viewer::Source& source);

}  // namespace occvla::serve

#pragma once

namespace httplib {
class Server;
}

namespace occvla::serve {

namespace viewer {
class Source;
}

/// GET /, /assets/*, /v1/datasets, /v1/frames/...: what the viewer in the browser reads. `source`
/// outlives the server.
void AddViewerRoutes(httplib::Server& server, viewer::Source& source);

}  // namespace occvla::serve

#pragma once

namespace httplib {
class Server;
}

namespace occvla::serve {

namespace review {
class Desk;
}

/// GET /review and /v1/review/...: the label-review page. `desk` outlives the server.
void AddReviewRoutes(httplib::Server& server, review::Desk& desk);

}  // namespace occvla::serve

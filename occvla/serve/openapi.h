#pragma once
#include <string>

#include "occvla/serve/generation.h"
#include "occvla/serve/http_server.h"

namespace occvla::serve {

/// The OpenAPI 3.1 document of the engine's routes, with this server's limits in it.
std::string OpenApi(const std::string& model_name, const AskLimits& limits, const HttpLimits& http);

}  // namespace occvla::serve

#pragma once
#include <string>

#include "occvla/serve/generation.h"
#include "occvla/serve/http_server.h"

namespace occvla::serve {

/// What the document says of this one server.
struct OpenApiFacts {
  std::string model_name;
  std::string example_frame;  ///< A token that it knows; empty without a data set.
  AskLimits limits;
  HttpLimits http;
};

/// The OpenAPI 3.1 document of the engine's routes.
std::string OpenApi(const OpenApiFacts& facts);

}  // namespace occvla::serve

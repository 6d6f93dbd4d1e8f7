#pragma once
#include <functional>
#include <string>

#include "occvla/model/files/config.h"
#include "occvla/serve/dispatcher.h"
#include "occvla/serve/frame_input.h"
#include "occvla/serve/generation.h"
#include "occvla/serve/http_server.h"
#include "occvla/serve/metrics.h"

namespace occvla::serve {

/// What the routes of the engine work with. Everything outlives the server.
struct EngineRoutes {
  HttpServer& server;
  Dispatcher& dispatcher;
  FrameInput& frames;
  Metrics& metrics;
  model::ModelConfig model;
  std::string model_name;
  std::string example_frame;  ///< A token of the data set, for the document; may be empty.
  AskLimits limits;
  std::function<void(const std::string&)> log;  ///< One line of what a person should know.
};

/// POST /v1/chat/completions and /v1/predict; GET /v1/models, /healthz, /readyz, /metrics,
/// /openapi.json.
void AddEngineRoutes(const EngineRoutes& routes);

/// The exact paths above with their methods, for the guard.
std::map<std::string, std::string> EngineMethods();

}  // namespace occvla::serve

#include "occvla/serve/service.h"

namespace occvla::serve {

Service::Service(const model::ModelConfig& model, EngineCall engine, FrameLookup frames,
                 const ServiceOptions& options)
    : frames_(model, std::move(frames), options.ask.max_pixels),
      dispatcher_(std::move(engine), options.dispatch),
      server_(options.http) {
  InstallGuard(server_, options.guard, EngineMethods());
  AddEngineRoutes({.server = server_,
                   .dispatcher = dispatcher_,
                   .frames = frames_,
                   .metrics = metrics_,
                   .model = model,
                   .model_name = options.model_name,
                   .example_frame = options.example_frame,
                   .limits = options.ask,
                   .log = options.log});
  server_.OnAnswered([this, also = options.on_answered](const Exchange& exchange) {
    metrics_.Count(exchange);
    if (also) also(exchange);
  });
}

Service::~Service() { Stop(0); }

int Service::Listen(const std::string& host, int port) {
  const int bound = server_.Bind(host, port);
  server_.Start();
  return bound;
}

size_t Service::Stop(double grace_s) {
  dispatcher_.Close();
  const size_t failed = dispatcher_.Drain(grace_s);
  server_.Stop(kClosing_s);
  return failed;
}

}  // namespace occvla::serve

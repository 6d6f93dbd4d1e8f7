#pragma once
#include <memory>

#include "occvla/serve/engine_routes.h"
#include "occvla/serve/guard.h"

namespace occvla::serve {

struct ServiceOptions {
  HttpLimits http;
  DispatchLimits dispatch;
  AskLimits ask;
  GuardOptions guard;
  std::string model_name;
  std::string example_frame;                         ///< A known token, for the document.
  std::function<void(const std::string&)> log;       ///< One line; may be empty. Any thread.
  std::function<void(const Exchange&)> on_answered;  ///< Each request; may be empty.
};

/// One model behind HTTP: the guard, the line in front of the engine, and the engine's routes.
/// Other rooms' routes are added before `Listen`.
class Service {
 public:
  Service(const model::ModelConfig& model, EngineCall engine, FrameLookup frames,
          const ServiceOptions& options);
  ~Service();  ///< Stops at once.

  httplib::Server& routes() { return server_.routes(); }
  /// Begins to answer; returns the port, which is a free one for 0. Throws DeviceError.
  int Listen(const std::string& host, int port);
  /// Refuses new requests, waits at most `grace_s` for those that wait or run, fails what is left,
  /// and closes every connection within `kClosing_s` more. Returns how many it failed.
  size_t Stop(double grace_s);
  static constexpr double kClosing_s = 2;

 private:
  Metrics metrics_;
  FrameInput frames_;
  // Before the dispatcher in the order of ending: its threads wait for answers.
  Dispatcher dispatcher_;
  HttpServer server_;
};

}  // namespace occvla::serve

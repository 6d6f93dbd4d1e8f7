#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace httplib {
class Server;
struct Request;
}  // namespace httplib

namespace occvla::serve {

/// What one client may take. httplib 0.11 bounds neither headers nor time nor connections by
/// itself (docs/decisions/0019-http-server.md).
struct HttpLimits {
  size_t connections = 256;                   ///< Served at a time, each by a thread.
  size_t header_bytes = size_t{32} << 10;     ///< Request line and headers together.
  size_t body_bytes = size_t{32} << 20;       ///< Of one request.
  size_t all_body_bytes = size_t{256} << 20;  ///< Of all requests that are being answered.
  double idle_s = 15;     ///< A connection without a request is closed after it.
  double header_s = 10;   ///< From the first byte of a request to the end of its headers.
  double body_s = 60;     ///< For all of the body.
  double stalled_s = 20;  ///< Time that one reply may spend waiting for a client to read.
};

/// One answered request, for metrics and the log.
struct Exchange {
  std::string method, path;
  int status = 0;
  double seconds = 0;
  size_t body_bytes = 0;  ///< Of the request.
};

/// httplib's server on sockets with limits: it reads and writes HTTP, this class gives it bytes as
/// long as the limits hold. Chunked and compressed bodies are for the routes' guard to refuse.
class HttpServer {
 public:
  explicit HttpServer(const HttpLimits& limits = {});
  ~HttpServer();  ///< Stops at once.
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Where routes and handlers are registered, before `Start`.
  httplib::Server& routes();
  /// Called on the connection's thread after each reply. Before `Start`.
  void OnAnswered(std::function<void(const Exchange&)> observer);

  /// Binds to `host` (an address or name of this machine) and `port`, 0 for a free one; returns
  /// the port. Throws DeviceError when it is taken or not ours to bind.
  int Bind(const std::string& host, int port);
  /// Begins to accept; returns at once.
  void Start();
  /// Accepts nothing more, lets replies that are under way end within `grace_s` and cuts what is
  /// left; returns when every connection is closed.
  void Stop(double grace_s);

  /// Whether the client of a request that is being answered has closed its end. Any thread while
  /// the handler runs.
  bool ClientLeft(const httplib::Request& request) const;
  /// Connections being served or waiting for a thread.
  size_t connections() const;
  const HttpLimits& limits() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace occvla::serve

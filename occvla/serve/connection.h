#pragma once
#include <httplib.h>

#include <array>
#include <atomic>
#include <chrono>
#include <string>

#include "occvla/serve/http_server.h"

/// For http_server.cc: one client's socket.
namespace occvla::serve {

using Clock = std::chrono::steady_clock;

/// What all connections of a server share.
struct ConnectionState {
  HttpLimits limits;
  std::atomic<bool> stopping{false};
  std::atomic<Clock::rep> cut_at{Clock::time_point::max().time_since_epoch().count()};
  std::atomic<size_t> body_bytes{0};

  bool IsCut() const { return Clock::now().time_since_epoch().count() >= cut_at; }
};

/// The bytes of one client. Reading fails once a limit is passed, which httplib takes for a broken
/// request. One thread at a time, but for `ClientLeft`.
class Connection final : public httplib::Stream {
 public:
  /// Takes the socket over.
  Connection(int socket, ConnectionState& state);
  ~Connection() override;  ///< Closes it.
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Waits for the first byte of the next request; false when none comes.
  bool AwaitRequest();
  /// The headers are read; `body_bytes` follow.
  void BeginBody(size_t body_bytes);
  /// The reply is written. False when the connection cannot be used again: part of the body was
  /// never read. Then what still comes is discarded for a moment, so that the client, who is still
  /// sending, gets to read the reply before the connection breaks.
  bool EndRequest();

  bool ClientLeft() const;
  double seconds() const;  ///< Since the first byte of the request.
  size_t body_bytes() const { return body_read_; }

  bool is_readable() const override;
  bool is_writable() const override;
  ssize_t read(char* to, size_t size) override;
  ssize_t write(const char* from, size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  int socket() const override { return socket_; }

 private:
  enum class Phase { kHeaders, kBody };

  /// Waits until the socket is ready for `events`; false at `until`, when the server cuts
  /// connections, or on an error.
  bool Await(short events, Clock::time_point until) const;
  bool Fill();
  bool Account(size_t bytes);
  void Discard();

  const int socket_;
  ConnectionState& state_;  // The server's; outlives every connection.
  Phase phase_ = Phase::kHeaders;
  Clock::time_point began_;  // First byte of the request.
  Clock::time_point until_;  // When the current phase has to be over.
  size_t header_read_ = 0;
  size_t body_expected_ = 0, body_read_ = 0;
  Clock::duration stalled_{};  // What this reply has waited for its reader.
  std::array<char, 16384> buffer_;
  size_t buffer_at_ = 0, buffer_end_ = 0;
};

}  // namespace occvla::serve

#include "occvla/serve/connection.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

namespace occvla::serve {
namespace {

// How often a wait looks whether the server is stopping.
constexpr auto kStep = std::chrono::milliseconds(200);
constexpr auto kDiscardFor = std::chrono::seconds(2);
constexpr auto kBudgetWait = std::chrono::seconds(5);

Clock::duration Seconds(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

void ReadAddress(int socket, decltype(getpeername)* of, std::string& ip, int& port) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  char host[NI_MAXHOST] = "", service[NI_MAXSERV] = "0";
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (of(socket, generic, &length) == 0) {
    getnameinfo(generic, length, host, sizeof host, service, sizeof service,
                NI_NUMERICHOST | NI_NUMERICSERV);
  }
  ip = host;
  port = atoi(service);
}

}  // namespace

Connection::Connection(int socket, ConnectionState& state) : socket_(socket), state_(state) {}

Connection::~Connection() {
  state_.body_bytes -= body_read_;
  shutdown(socket_, SHUT_RDWR);
  close(socket_);
}

bool Connection::Await(short events, Clock::time_point until) const {
  while (true) {
    const auto now = Clock::now();
    if (now >= until || state_.IsCut()) return false;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(std::min<Clock::duration>(until - now, kStep));
    pollfd ready{socket_, events, 0};
    const int count = poll(&ready, 1, static_cast<int>(left.count()));
    if (count > 0) return true;  // An error shows in the call that follows.
    if (count < 0 && errno != EINTR) return false;
  }
}

bool Connection::AwaitRequest() {
  const auto until = Clock::now() + Seconds(state_.limits.idle_s);
  while (buffer_at_ == buffer_end_) {
    if (state_.stopping || Clock::now() >= until) return false;
    if (Await(POLLIN, std::min(until, Clock::now() + kStep)) && !Fill()) return false;
    if (state_.IsCut()) return false;
  }
  phase_ = Phase::kHeaders;
  began_ = Clock::now();
  until_ = began_ + Seconds(state_.limits.header_s);
  header_read_ = body_expected_ = 0;
  stalled_ = {};
  return true;
}

void Connection::BeginBody(size_t body_bytes) {
  phase_ = Phase::kBody;
  body_expected_ = body_bytes;
  until_ = Clock::now() + Seconds(state_.limits.body_s);
}

bool Connection::EndRequest() {
  const bool whole = phase_ == Phase::kBody && body_read_ == body_expected_;
  state_.body_bytes -= body_read_;
  body_read_ = 0;
  if (!whole) Discard();
  return whole;
}

void Connection::Discard() {
  shutdown(socket_, SHUT_WR);
  const auto until = Clock::now() + kDiscardFor;
  while (Await(POLLIN, until)) {
    const auto got = recv(socket_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return;
  }
}

bool Connection::Fill() {
  const auto got = recv(socket_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (got <= 0) return false;
  buffer_at_ = 0;
  buffer_end_ = static_cast<size_t>(got);
  return true;
}

// Bodies of all clients together have a bound: a client waits a moment for others to end.
bool Connection::Account(size_t bytes) {
  if (phase_ == Phase::kHeaders) {
    header_read_ += bytes;
    return header_read_ <= state_.limits.header_bytes;
  }
  const auto until = Clock::now() + kBudgetWait;
  while (state_.body_bytes.fetch_add(bytes) + bytes > state_.limits.all_body_bytes) {
    state_.body_bytes -= bytes;
    if (Clock::now() >= until || state_.IsCut()) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  body_read_ += bytes;
  return true;
}

ssize_t Connection::read(char* to, size_t size) {
  if (phase_ == Phase::kBody) size = std::min(size, body_expected_ - body_read_);
  if (size == 0) return 0;
  while (buffer_at_ == buffer_end_) {
    if (!Await(POLLIN, until_) || !Fill()) return -1;
  }
  const size_t n = std::min(size, buffer_end_ - buffer_at_);
  if (!Account(n)) return -1;
  std::memcpy(to, buffer_.data() + buffer_at_, n);
  buffer_at_ += n;
  return static_cast<ssize_t>(n);
}

ssize_t Connection::write(const char* from, size_t size) {
  size_t written = 0;
  while (written < size) {
    // MSG_NOSIGNAL: who leaves in the middle of a reply must not end the program.
    const auto n = send(socket_, from + written, size - written, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
      written += static_cast<size_t>(n);
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return -1;
    const auto before = Clock::now();
    const bool ready = Await(POLLOUT, before + Seconds(state_.limits.stalled_s) - stalled_);
    stalled_ += Clock::now() - before;
    if (!ready) return -1;
  }
  return static_cast<ssize_t>(written);
}

bool Connection::ClientLeft() const {
  pollfd ready{socket_, POLLIN | POLLRDHUP, 0};
  if (poll(&ready, 1, 0) <= 0) return state_.IsCut();
  if (ready.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) return true;
  char byte;
  return recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

double Connection::seconds() const {
  return std::chrono::duration<double>(Clock::now() - began_).count();
}

bool Connection::is_readable() const { return buffer_at_ < buffer_end_ || !ClientLeft(); }
bool Connection::is_writable() const { return !ClientLeft(); }

void Connection::get_remote_ip_and_port(std::string& ip, int& port) const {
  ReadAddress(socket_, getpeername, ip, port);
}
void Connection::get_local_ip_and_port(std::string& ip, int& port) const {
  ReadAddress(socket_, getsockname, ip, port);
}

}  // namespace occvla::serve

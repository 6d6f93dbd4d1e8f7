#include "occvla/train/runs/line_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>

#include "occvla/base/error.h"

namespace occvla::train {
namespace {

constexpr size_t kLongestLine = 8192;
constexpr size_t kMostUnsent = 1 << 20;

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Addresses Resolve(const std::string& host, int port, int kind) {
  addrinfo hints{};
  hints.ai_socktype = kind;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) found = nullptr;
  return {found, &freeaddrinfo};
}

int PortOf(int fd) {
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) != 0) return 0;
  return ntohs(own.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(own).sin6_port
                                         : reinterpret_cast<sockaddr_in&>(own).sin_port);
}

Listener TryListen(const sockaddr* address, socklen_t size) {
  Descriptor fd(socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd || bind(fd.get(), address, size) != 0 || listen(fd.get(), 512) != 0) return {};
  const int port = PortOf(fd.get());
  return {std::move(fd), port};
}

Descriptor TryConnect(const addrinfo& to) {
  Descriptor fd(socket(to.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return {};
  if (connect(fd.get(), to.ai_addr, to.ai_addrlen) == 0) return fd;
  if (errno != EINPROGRESS) return {};
  pollfd wait{fd.get(), POLLOUT, 0};
  int error = 0;
  socklen_t size = sizeof error;
  if (poll(&wait, 1, 2000) != 1 || getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 ||
      error != 0)
    return {};
  return fd;
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    Close();
    fd_ = other.Release();
  }
  return *this;
}

int Descriptor::Release() { return std::exchange(fd_, -1); }

void Descriptor::Close() {
  if (fd_ >= 0) close(Release());
}

LineSocket::LineSocket(Descriptor connection) : connection_(std::move(connection)) {
  const int on = 1;
  setsockopt(fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

std::vector<std::string> LineSocket::Read() {
  std::vector<std::string> lines;
  char bytes[4096];
  while (open()) {
    const auto count = recv(fd(), bytes, sizeof bytes, 0);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      Close();
      break;
    }
    in_.append(bytes, static_cast<size_t>(count));
    size_t begin = 0;
    for (auto end = in_.find('\n'); end != in_.npos; end = in_.find('\n', begin)) {
      lines.push_back(in_.substr(begin, end - begin));
      begin = end + 1;
    }
    in_.erase(0, begin);
    if (in_.size() > kLongestLine) Close();
  }
  return lines;
}

void LineSocket::Write(std::string_view line) {
  if (!open()) return;
  out_.append(line.substr(0, kLongestLine - 1)).push_back('\n');
  while (!out_.empty()) {
    const auto count = send(fd(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (count > 0) {
      out_.erase(0, static_cast<size_t>(count));
    } else if (errno != EINTR) {
      // A broken connection shows when it is read from.
      break;
    }
  }
  if (out_.size() > kMostUnsent) Close();
}

Listener ListenAt(const std::string& address) {
  const auto found = Resolve(address, 0, SOCK_STREAM);
  for (const auto* to = found.get(); to != nullptr; to = to->ai_next)
    if (auto listener = TryListen(to->ai_addr, to->ai_addrlen); listener.socket) return listener;
  sockaddr_in any{};
  any.sin_family = AF_INET;
  auto listener = TryListen(reinterpret_cast<sockaddr*>(&any), sizeof any);
  if (!listener.socket)
    throw DeviceError(std::string("no port can be listened at on this machine (") +
                      std::strerror(errno) + "). Run one rank, or allow sockets.");
  return listener;
}

std::optional<Descriptor> Accept(const Listener& listener) {
  Descriptor fd(accept4(listener.socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd) return std::nullopt;
  return fd;
}

std::optional<Descriptor> ConnectTo(const std::string& address, int port,
                                    std::chrono::steady_clock::time_point deadline) {
  using std::chrono::milliseconds;
  for (milliseconds pause(10);; pause = std::min(pause * 2, milliseconds(500))) {
    const auto found = Resolve(address, port, SOCK_STREAM);
    for (const auto* to = found.get(); to != nullptr; to = to->ai_next)
      if (auto fd = TryConnect(*to)) return fd;
    if (std::chrono::steady_clock::now() + pause > deadline) return std::nullopt;
    std::this_thread::sleep_for(pause);
  }
}

std::string AddressTowards(const std::string& address) {
  // A datagram socket picks its way when it is "connected"; nothing is sent.
  const auto found = Resolve(address, 9, SOCK_DGRAM);
  for (const auto* to = found.get(); to != nullptr; to = to->ai_next) {
    const Descriptor fd(socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_storage own{};
    socklen_t size = sizeof own;
    char host[NI_MAXHOST];
    if (fd && connect(fd.get(), to->ai_addr, to->ai_addrlen) == 0 &&
        getsockname(fd.get(), reinterpret_cast<sockaddr*>(&own), &size) == 0 &&
        getnameinfo(reinterpret_cast<sockaddr*>(&own), size, host, sizeof host, nullptr, 0,
                    NI_NUMERICHOST) == 0)
      return host;
  }
  return "";
}

int FreePort() { return ListenAt("127.0.0.1").port; }

}  // namespace occvla::train

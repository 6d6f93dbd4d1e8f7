#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace occvla::train {

/// A file descriptor that is closed with its owner.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.Release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { Close(); }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int Release();
  void Close();

 private:
  int fd_ = -1;
};

/// Short lines over one TCP connection that never blocks. One thread at a time.
class LineSocket {
 public:
  explicit LineSocket(Descriptor connection);
  int fd() const { return connection_.get(); }
  bool open() const { return static_cast<bool>(connection_); }
  /// Complete lines that have come; closes on the other's end, an error, or a line over 8 KiB.
  std::vector<std::string> Read();
  /// `line` holds no line feed. What does not go out at once goes with later calls.
  void Write(std::string_view line);
  void Close() { connection_.Close(); }

 private:
  Descriptor connection_;
  std::string in_, out_;
};

/// Listens at a free port of `address`, or of every address where that is not one of this machine's
/// own. Throws DeviceError.
struct Listener {
  Descriptor socket;
  int port = 0;
};
Listener ListenAt(const std::string& address);
/// A waiting connection; none = nullopt.
std::optional<Descriptor> Accept(const Listener& listener);

/// Connects and tries again until `deadline`; nullopt where nobody answers.
std::optional<Descriptor> ConnectTo(const std::string& address, int port,
                                    std::chrono::steady_clock::time_point deadline);

/// This machine's own address on the way to `address` ("10.0.0.7"); empty where there is no way.
std::string AddressTowards(const std::string& address);

/// A port that was free a moment ago on this machine's loopback.
int FreePort();

}  // namespace occvla::train

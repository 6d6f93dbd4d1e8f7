#include "occvla/serve/http_server.h"

#include <httplib.h>
#include <sys/socket.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "occvla/base/error.h"
#include "occvla/serve/connection.h"

namespace occvla::serve {
namespace {

constexpr int kBacklog = 512;  // httplib asks for 5; 200 clients come at once.

/// Threads that are made when needed, so many at most; what comes beyond them waits, and once as
/// many wait as work, the accepting thread waits too.
class ConnectionThreads final : public httplib::TaskQueue {
 public:
  ConnectionThreads(size_t most, const std::atomic<bool>& stopping)
      : most_(most), stopping_(stopping) {}

  void enqueue(std::function<void()> task) override {
    std::unique_lock lock(mutex_);
    while (tasks_.size() >= most_ && !stopping_)
      room_.wait_for(lock, std::chrono::milliseconds(100));
    tasks_.push_back(std::move(task));
    if (idle_ < tasks_.size() && threads_.size() < most_) threads_.emplace_back([this] { Work(); });
    work_.notify_one();
  }

  void shutdown() override {
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
    }
    work_.notify_all();
    for (auto& thread : threads_) thread.join();
  }

 private:
  void Work() {
    std::unique_lock lock(mutex_);
    while (true) {
      ++idle_;
      work_.wait(lock, [&] { return closed_ || !tasks_.empty(); });
      --idle_;
      if (tasks_.empty()) return;
      auto task = std::move(tasks_.front());
      tasks_.pop_front();
      room_.notify_one();
      lock.unlock();
      task();
      lock.lock();
    }
  }

  const size_t most_;
  const std::atomic<bool>& stopping_;  // The server's; outlives its queue.
  std::mutex mutex_;
  std::condition_variable work_, room_;
  std::deque<std::function<void()>> tasks_;
  std::vector<std::thread> threads_;
  size_t idle_ = 0;
  bool closed_ = false;
};

size_t BodyBytes(const httplib::Request& request) {
  // What cannot be known is never read to its end: the guard refuses it, the connection closes.
  if (request.has_header("Transfer-Encoding")) return std::numeric_limits<size_t>::max();
  return request.get_header_value<uint64_t>("Content-Length");
}

}  // namespace

class HttpServer::Impl final : public httplib::Server {
 public:
  explicit Impl(const HttpLimits& limits) {
    state_.limits = limits;
    new_task_queue = [this] {
      return new ConnectionThreads(state_.limits.connections, state_.stopping);
    };
    // Longer bodies are refused with the limit named; here the library's own bound lies behind it.
    set_payload_max_length(limits.body_bytes);
    set_tcp_nodelay(true);
    // httplib would set SO_REUSEPORT: a second server at the port, which shares its clients.
    set_socket_options([](socket_t socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    set_logger([this](const httplib::Request& request, const httplib::Response& response) {
      Report(request, response);
    });
  }

  int Bind(const std::string& host, int port) {
    const int bound = port == 0 ? bind_to_any_port(host) : bind_to_port(host, port) ? port : -1;
    if (bound < 0) {
      throw DeviceError("cannot listen at " + host + ":" + std::to_string(port) +
                        ": the port is taken, or the address is not this machine's. Choose "
                        "another with --port and --host; --port 0 takes a free one.");
    }
    ::listen(svr_sock_, kBacklog);
    return bound;
  }

  void Start() {
    thread_ = std::thread([this] { listen_after_bind(); });
    while (!is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  void Stop(double grace_s) {
    const auto cut = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                        std::chrono::duration<double>(grace_s));
    state_.cut_at = cut.time_since_epoch().count();
    state_.stopping = true;
    if (!thread_.joinable()) return;
    stop();
    thread_.join();
  }

  bool ClientLeft(const httplib::Request& request) const {
    std::lock_guard lock(mutex_);
    const auto found = asked_.find(&request);
    return found != asked_.end() && found->second->ClientLeft();
  }

  size_t connections() const { return connections_; }
  const HttpLimits& limits() const { return state_.limits; }

  std::function<void(const Exchange&)> observer_;

 private:
  // Called by httplib for each accepted socket, on a thread of its own.
  bool process_and_close_socket(socket_t socket) override {
    ++connections_;
    {
      Connection connection(socket, state_);
      while (connection.AwaitRequest() && Serve(connection)) {
      }
    }
    --connections_;
    return true;
  }

  bool Serve(Connection& connection) {
    const httplib::Request* asked = nullptr;
    bool last = false;
    const bool written = process_request(
        connection, /*close_connection=*/state_.stopping, last, [&](httplib::Request& request) {
          asked = &request;
          connection.BeginBody(BodyBytes(request));
          // Several ranges of one body would be a small question with a huge answer; and an answer
          // that grows must not wait in a compressor.
          if (request.ranges.size() > 1 || request.method == "POST") request.ranges.clear();
          if (request.method == "POST") request.headers.erase("Accept-Encoding");
          std::lock_guard lock(mutex_);
          asked_.emplace(asked, &connection);
        });
    if (asked != nullptr) {
      std::lock_guard lock(mutex_);
      asked_.erase(asked);
    }
    return connection.EndRequest() && written && !last;
  }

  void Report(const httplib::Request& request, const httplib::Response& response) {
    if (!observer_) return;
    Exchange exchange{request.method, request.path, response.status, 0, 0};
    {
      std::lock_guard lock(mutex_);
      const auto found = asked_.find(&request);
      if (found != asked_.end()) {
        exchange.seconds = found->second->seconds();
        exchange.body_bytes = found->second->body_bytes();
      }
    }
    observer_(exchange);
  }

  ConnectionState state_;
  std::atomic<size_t> connections_{0};
  mutable std::mutex mutex_;
  // Whose socket a request came from, while it is being answered.
  std::unordered_map<const httplib::Request*, Connection*> asked_;
  std::thread thread_;
};

HttpServer::HttpServer(const HttpLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
HttpServer::~HttpServer() { impl_->Stop(0); }

httplib::Server& HttpServer::routes() { return *impl_; }
void HttpServer::OnAnswered(std::function<void(const Exchange&)> observer) {
  impl_->observer_ = std::move(observer);
}
int HttpServer::Bind(const std::string& host, int port) { return impl_->Bind(host, port); }
void HttpServer::Start() { impl_->Start(); }
void HttpServer::Stop(double grace_s) { impl_->Stop(grace_s); }
bool HttpServer::ClientLeft(const httplib::Request& request) const {
  return impl_->ClientLeft(request);
}
size_t HttpServer::connections() const { return impl_->connections(); }
const HttpLimits& HttpServer::limits() const { return impl_->limits(); }

}  // namespace occvla::serve

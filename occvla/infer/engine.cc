#include "occvla/infer/engine.h"

#include <c10/util/Exception.h>

#include <thread>

#include "occvla/base/error.h"
#include "occvla/base/queue.h"
#include "occvla/infer/session.h"

namespace occvla::infer {

namespace {

struct Job {
  Request request;
  std::promise<data::Prediction> promise;
};

}  // namespace

class Engine::Impl {
 public:
  // The session lives on the worker from its first step on, so that the process has one pool of
  // computing threads: the one that belongs to the worker.
  Impl(std::filesystem::path checkpoint, EngineOptions options) : queue_(options.queue) {
    std::promise<model::ModelConfig> opened;
    auto config = opened.get_future();
    worker_ = std::thread([this, checkpoint = std::move(checkpoint), options = std::move(options),
                           opened = std::move(opened)]() mutable {
      std::optional<Session> session;
      try {
        session.emplace(checkpoint, options);
      } catch (...) {
        opened.set_exception(std::current_exception());
        return;
      }
      opened.set_value(session->model().config());
      Work(*session);
    });
    try {
      config_ = config.get();
    } catch (...) {
      worker_.join();
      throw;
    }
  }

  ~Impl() {
    for (auto& job : queue_.CloseAndDrain()) {
      job.promise.set_exception(
          std::make_exception_ptr(BusyError("the engine stopped before this request's turn")));
    }
    worker_.join();
  }

  std::future<data::Prediction> Submit(Request request) {
    Job job{std::move(request), {}};
    auto future = job.promise.get_future();
    if (!queue_.TryPush(std::move(job))) {
      throw BusyError("the engine's queue is full; try again later");
    }
    return future;
  }

  const model::ModelConfig& config() const { return config_; }

 private:
  // The one place of this thread that catches: what goes wrong belongs to one request.
  void Work(Session& session) {
    while (auto job = queue_.Pop()) {
      const auto& cancelled = job->request.cancelled;
      try {
        if (cancelled && cancelled->load()) throw BusyError("the request was cancelled");
        job->promise.set_value(session.Run(job->request));
      } catch (const c10::Error& error) {
        const std::string_view text = error.what_without_backtrace();
        if (text.find("can't allocate memory") == std::string_view::npos) {
          job->promise.set_exception(std::current_exception());
        } else {
          job->promise.set_exception(
              std::make_exception_ptr(DeviceError("out of memory: " + std::string(text) +
                                                  ". Close other programs, or take a smaller "
                                                  "model or image size.")));
        }
      } catch (...) {
        job->promise.set_exception(std::current_exception());
      }
    }
  }

  model::ModelConfig config_;
  Queue<Job> queue_;
  std::thread worker_;  // Last: it uses the queue.
};

Engine::Engine(const std::filesystem::path& checkpoint, const EngineOptions& options)
    : impl_(std::make_unique<Impl>(checkpoint, options)) {}
Engine::~Engine() = default;

std::future<data::Prediction> Engine::Submit(Request request) {
  return impl_->Submit(std::move(request));
}

const model::ModelConfig& Engine::config() const { return impl_->config(); }

}  // namespace occvla::infer

#pragma once
#include <stdexcept>
#include <string>

/// Checks an invariant of our own; never input. Aborts in debug builds, costs nothing in release.
#ifdef NDEBUG
#define OCCVLA_DCHECK(condition) ((void)0)
#else
#define OCCVLA_DCHECK(condition) \
  ((condition) ? (void)0 : ::occvla::AbortOnBrokenInvariant(#condition, __FILE__, __LINE__))
#endif

namespace occvla {

/// Root of every error that a user, an input file or the machine can cause. Caught in one place per
/// thread of control: `main`, the engine's worker, the HTTP handler. The text says where (file,
/// record, field, offset), what was expected, what was found, and what to do next.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  virtual int exit_code() const noexcept = 0;
  virtual int http_status() const noexcept = 0;
};

/// The command line, a request or a config file asks for something that cannot be done.
class ConfigError final : public Error {
 public:
  using Error::Error;
  int exit_code() const noexcept override { return 2; }
  int http_status() const noexcept override { return 400; }
};

/// A data file (image, label, table, prediction) is missing, damaged or contradicts another one.
class DataError final : public Error {
 public:
  using Error::Error;
  int exit_code() const noexcept override { return 3; }
  int http_status() const noexcept override { return 422; }
};

/// A checkpoint, a weight file or a tokenizer is missing, damaged or made for another model.
class CheckpointError final : public Error {
 public:
  using Error::Error;
  int exit_code() const noexcept override { return 4; }
  int http_status() const noexcept override { return 500; }
};

/// The device or the machine cannot do what is asked: no such device, out of memory, disk full.
class DeviceError final : public Error {
 public:
  using Error::Error;
  int exit_code() const noexcept override { return 5; }
  int http_status() const noexcept override { return 503; }
};

/// The work was stopped before its end (signal, cancellation, full queue) and can be asked for
/// again.
class BusyError final : public Error {
 public:
  using Error::Error;
  int exit_code() const noexcept override { return 6; }
  int http_status() const noexcept override { return 429; }
};

/// The kinds by name, for readers that serve several of them (the same JSON parser reads a data
/// set's table and a checkpoint's config).
enum class ErrorKind { kConfig, kData, kCheckpoint, kDevice, kBusy };

/// Throws the class that `kind` names.
[[noreturn]] void ThrowError(ErrorKind kind, const std::string& text);

[[noreturn]] void AbortOnBrokenInvariant(const char* condition, const char* file, int line);

}  // namespace occvla

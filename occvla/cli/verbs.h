#pragma once
#include <CLI/App.hpp>
#include <iosfwd>
#include <stop_token>

namespace occvla::cli {

/// What a verb is given beside its flags. Outlives every callback.
struct Context {
  std::ostream& out;          ///< Results.
  std::ostream& err;          ///< What a person should know: log lines, counts, hints.
  std::stop_token interrupt;  ///< Asked for by SIGINT and SIGTERM; long loops poll it.

  /// Throws BusyError once an interruption was asked for.
  void CheckInterrupt() const;
};

}  // namespace occvla::cli

#include "occvla/cli/run.h"

#include <CLI/CLI.hpp>
#include <ostream>

#include "occvla/base/error.h"
#include "occvla/cli/verbs.h"

namespace occvla::cli {

void Context::CheckInterrupt() const {
  if (interrupt.stop_requested()) throw BusyError("interrupted; the same command starts again.");
}

int RunProgram(const std::vector<std::string>& args, std::ostream& out, std::ostream& err) {
  const Context context{out, err, {}};
  CLI::App app("From six camera images to scene text, meta action, trajectory and occupancy.",
               "occvla");
  app.set_version_flag("--version", "occvla " OCCVLA_VERSION);
  try {
    app.parse(std::vector<std::string>(args.rbegin(), args.rend()));
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error, out, err) == 0 ? 0 : 2;
  } catch (const Error& error) {
    err << "occvla: " << error.what() << "\n";
    return error.exit_code();
  }
}

}  // namespace occvla::cli

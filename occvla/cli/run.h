#pragma once
#include <iosfwd>
#include <stop_token>
#include <string>
#include <vector>

namespace occvla::cli {

/// Runs one command line (without the program's name). Results go to `out`, what a person should
/// know to `err`. The one place that catches every error; returns the exit code of design.md 5:
/// 0 done, 2 usage or config, 3 data, 4 checkpoint, 5 device, 6 interrupted, 70 our own fault.
int RunProgram(const std::vector<std::string>& args, std::ostream& out, std::ostream& err,
               std::stop_token interrupt = {});

}  // namespace occvla::cli

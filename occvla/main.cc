#include <iostream>
#include <string_view>

#include "occvla/cli/interrupt.h"
#include "occvla/cli/run.h"

int main(int argc, char** argv) {
  // A training run may have a step to finish and a checkpoint to write; a server's clients have
  // the time that --grace gives. A second signal ends either.
  const std::string_view verb = argc > 1 ? argv[1] : "";
  const occvla::cli::InterruptHandler interrupt(verb == "train" ? 30 : verb == "serve" ? 630 : 3);
  return occvla::cli::RunProgram({argv + 1, argv + argc}, std::cout, std::cerr, interrupt.token());
}

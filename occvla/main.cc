#include <iostream>
#include <string_view>

#include "occvla/cli/interrupt.h"
#include "occvla/cli/run.h"

int main(int argc, char** argv) {
  // A training run may have a step to finish and a checkpoint to write; a second signal ends it.
  const bool trains = argc > 1 && std::string_view(argv[1]) == "train";
  const occvla::cli::InterruptHandler interrupt(trains ? 30 : 3);
  return occvla::cli::RunProgram({argv + 1, argv + argc}, std::cout, std::cerr, interrupt.token());
}

#include <iostream>

#include "occvla/cli/interrupt.h"
#include "occvla/cli/run.h"

int main(int argc, char** argv) {
  const occvla::cli::InterruptHandler interrupt;
  return occvla::cli::RunProgram({argv + 1, argv + argc}, std::cout, std::cerr, interrupt.token());
}

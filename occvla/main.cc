#include <iostream>

#include "occvla/cli/run.h"

int main(int argc, char** argv) {
  return occvla::cli::RunProgram({argv + 1, argv + argc}, std::cout, std::cerr);
}

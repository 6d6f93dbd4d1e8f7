#include "occvla/cli/verbs.h"

namespace occvla::cli {

void AddEvalQa(CLI::App& eval, const Context& context) { (void)eval, (void)context; }

}  // namespace occvla::cli

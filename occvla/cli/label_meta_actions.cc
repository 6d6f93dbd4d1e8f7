#include "occvla/cli/verbs.h"

namespace occvla::cli {

void AddLabelMetaActions(CLI::App& label, const Context& context) { (void)label, (void)context; }

}  // namespace occvla::cli

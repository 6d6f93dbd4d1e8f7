#include "occvla/cli/verbs.h"

namespace occvla::cli {

void AddLabelConversations(CLI::App& label, const Context& context) { (void)label, (void)context; }

}  // namespace occvla::cli

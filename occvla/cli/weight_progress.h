#pragma once
#include <memory>
#include <string>

#include "occvla/base/progress.h"
#include "occvla/cli/verbs.h"
#include "occvla/model/files/folder_writer.h"

namespace occvla::cli {

/// A progress bar over bytes of weights that also ends the write once an interruption was asked
/// for. `context` outlives it.
inline model::WriteProgress WeightProgress(const std::string& label, const Context& context) {
  struct State {
    std::unique_ptr<Progress> bar;
    uint64_t shown = 0;
  };
  return [label, &context, state = std::make_shared<State>()](uint64_t done, uint64_t total) {
    context.CheckInterrupt();
    if (!state->bar) state->bar = std::make_unique<Progress>(label, total, "bytes");
    state->bar->Add(done - state->shown);
    state->shown = done;
  };
}

}  // namespace occvla::cli

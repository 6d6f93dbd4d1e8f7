#include "occvla/cli/label_cot_endpoint.h"

#include <CLI/Option.hpp>
#include <algorithm>
#include <cstdlib>
#include <optional>
#include <ostream>

#include "occvla/base/config.h"
#include "occvla/base/error.h"
#include "occvla/base/progress.h"
#include "occvla/label/cot_endpoint.h"
#include "occvla/label/cot_file.h"
#include "occvla/label/cot_template.h"

namespace occvla::cli {
namespace {

label::CotLabel LabelOf(const data::Frame& frame, const data::ChainOfThought& text,
                        const std::string& model) {
  label::CotLabel label;
  label.token = frame.token;
  const auto& past = frame.ego.past_meta_actions;
  label.past.assign(past.end() - static_cast<long>(std::min(past.size(), label::kPromptActions)),
                    past.end());
  label.text = text;
  label.maker = "endpoint/" + model;
  return label;
}

}  // namespace

void AddCotEndpointFlags(CLI::App& verb, const std::shared_ptr<CotEndpointFlags>& flags) {
  auto* group = verb.add_option_group("endpoint", "A chat endpoint writes instead of templates");
  auto* asked = group->add_flag("--endpoint", flags->endpoint,
                                "Ask an OpenAI-compatible endpoint; where and with which key say "
                                "OCCVLA_CHAT_URL and OCCVLA_CHAT_KEY");
  group->add_option("--address", flags->address, "File with these two, lines NAME=value")
      ->type_name("FILE")
      ->needs(asked);
  group->add_option("--cache", flags->cache, "Folder that keeps every answer; needed")
      ->type_name("DIR")
      ->needs(asked);
  const auto shorthand = [&](const char* flag, const std::string& field, const char* help,
                             const char* type) {
    group
        ->add_option_function<std::string>(
            flag,
            [flags, field](const std::string& value) {
              flags->shorthands.push_back(field + "=" + value);
            },
            help)
        ->type_name(type)
        ->needs(asked);
  };
  shorthand("--model", "chat.model", "The model's name; needed", "NAME");
  shorthand("--max-requests", "chat.max_requests", "Budget of requests; needed", "N");
  group->add_option("--config", flags->config, "TOML with any of the fields below")
      ->type_name("FILE")
      ->needs(asked);
  group->add_option("--set", flags->sets, "Changes a field; repeatable")
      ->type_name("FIELD=VALUE")
      ->needs(asked);
}

void RunCotEndpoint(const CotEndpointFlags& flags, const data::nuscenes::Dataset& dataset,
                    const label::MakeOptions& make, const Context& context) {
  if (flags.cache.empty()) {
    throw ConfigError(
        "label cot: --endpoint needs --cache DIR, where answers that were paid for "
        "are kept.");
  }
  const std::filesystem::path file =
      make.out.empty()
          ? dataset.options().dataroot / dataset.options().version / "chain_of_thought.json"
          : make.out;
  label::RefuseToOverwrite({file}, make);
  label::CotEndpointRequest request;
  auto sets = flags.sets;
  sets.insert(sets.end(), flags.shorthands.begin(), flags.shorthands.end());
  LoadConfig(request.config, flags.config, sets);
  request.config.Validate();
  request.address =
      label::ReadChatAddress(flags.address, [](const char* name) { return std::getenv(name); });
  request.cache = flags.cache;
  const auto keyframes = dataset.KeyFrames(make.split);
  request.frames = keyframes.size();
  request.frame = [&](size_t index) { return dataset.FrameOf(keyframes[index]); };
  request.stop = context.interrupt;
  std::optional<Progress> bar;
  bar.emplace("asking", keyframes.size(), "keyframes");
  request.progress = [&, shown = uint64_t{0}](uint64_t done, uint64_t) mutable {
    bar->Add(done - shown);
    shown = done;
  };
  label::SystemClock clock;
  const auto report = label::MakeCotByEndpoint(request, clock);
  bar.reset();
  if (report.accepted == 0) {
    throw DataError("no keyframe of split " + make.split +
                    " got a text, and no file was written:\n" + report.ToString());
  }
  label::CotFileWriter writer(file);
  for (size_t i = 0; i < keyframes.size(); ++i) {
    if (report.texts[i])
      writer.Add(
          LabelOf(dataset.FrameOf(keyframes[i]), *report.texts[i], request.config.chat.model));
  }
  writer.Commit();
  context.out << file.string() << ": " << report.ToString();
}

}  // namespace occvla::cli

#include "occvla/cli/dataset_flags.h"

#include <CLI/Option.hpp>

#include "occvla/data/occ3d/layout.h"

namespace occvla::cli {

void AddDatasetFlags(CLI::App& verb, DatasetFlags& flags) {
  verb.add_option("--dataroot", flags.dataroot,
                  "The data set's folder: v1.0-.../, samples/, maps/, ...")
      ->required()
      ->type_name("DIR");
  verb.add_option("--version", flags.version,
                  "The tables' folder: v1.0-mini, v1.0-trainval, v1.0-test, v1.0-synth, ...")
      ->required()
      ->type_name("V");
  verb.add_option("--occupancy", flags.occupancy,
                  "Occ3D labels, a folder of scenes; default: DATAROOT/gts where it is there")
      ->type_name("DIR");
  verb.add_option("--questions", flags.questions,
                  "NuScenes-QA, OmniDrive, DriveLM or NuScenes-MQA file or folder; may be repeated")
      ->type_name("PATH");
  verb.add_flag("--no-cache", flags.no_cache,
                "Read the tables themselves; neither use nor write the binary cache");
}

CLI::Option* AddSplitFlag(CLI::App& verb, std::string& split) {
  return verb
      .add_option("--split", split,
                  "train, val, test, mini_train, mini_val, one of splits.json, or all")
      ->type_name("S");
}

data::nuscenes::DatasetOptions OptionsFrom(const DatasetFlags& flags) {
  data::nuscenes::DatasetOptions options;
  options.dataroot = flags.dataroot;
  options.version = flags.version;
  options.cache =
      flags.no_cache ? data::nuscenes::CacheUse::kNone : data::nuscenes::CacheUse::kReadAndWrite;
  const std::filesystem::path named = flags.occupancy;
  options.occupancy = data::occ3d::FindScenes(named.empty() ? options.dataroot : named);
  if (options.occupancy.empty()) options.occupancy = named;
  options.questions.assign(flags.questions.begin(), flags.questions.end());
  return options;
}

void WorkProgress::operator()(uint64_t done, uint64_t total) {
  context_.CheckInterrupt();
  if (total != total_ || done < done_) {
    bar_.emplace(label_, total, unit_);
    total_ = total;
    done_ = 0;
  }
  bar_->Add(done - done_);
  done_ = done;
}

}  // namespace occvla::cli

#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "occvla/train/feed/augment.h"

namespace occvla::train {

/// How often questions of each family are drawn, relative to each other; 0 = never. A family
/// without questions about a frame passes its share on to the others.
struct QuestionMix {
  double chain_of_thought = 1.0;
  double nuscenes_qa = 1.0;
  double omnidrive = 1.0;
  double drivelm = 1.0;
  double nuscenes_mqa = 1.0;

  template <typename Visitor>
  void VisitFields(Visitor&& v) {
    v("chain_of_thought", chain_of_thought, "scene, intent and meta action");
    v("nuscenes_qa", nuscenes_qa, "NuScenes-QA");
    v("omnidrive", omnidrive, "OmniDrive: conversations, what-ifs, descriptions");
    v("drivelm", drivelm, "DriveLM");
    v("nuscenes_mqa", nuscenes_mqa, "NuScenes-MQA");
  }
};

/// What a run trains on: the table `data` of a config. Lists of data sets are as long as
/// `dataroots`.
struct FeedConfig {
  std::vector<std::string> dataroots;
  std::vector<std::string> versions;
  std::vector<std::string> splits;
  std::vector<double> weights;         ///< Empty = 1 each.
  std::vector<std::string> packs;      ///< Empty = none; "" = none for this one.
  std::vector<std::string> questions;  ///< Empty = those that lie beside the tables.
  QuestionMix mix;
  int64_t questions_per_frame = 8;
  bool always_chain_of_thought = true;
  bool with_past_actions = true;
  int64_t max_text_tokens = 512;
  int64_t most_frames = 0;
  int64_t threads = 2;
  int64_t ahead = 16;
  bool skip_damaged = false;
  AugmentConfig augment;

  template <typename Visitor>
  void VisitFields(Visitor&& v) {
    v("dataroots", dataroots, "folders of the data sets");
    v("versions", versions, "tables' folder of each: v1.0-trainval, v1.0-synth");
    v("splits", splits, "split of each: train");
    v("weights", weights, "how often an epoch shows each frame of each; empty = once");
    v("packs", packs, "folder of each one's pack (`data pack`); empty = read the image files");
    v("questions", questions,
      "question files and folders; empty = questions/, omnidrive/ and chain_of_thought.json "
      "beside the tables");
    v("mix", mix, "relative weights of the families of questions");
    v("questions_per_frame", questions_per_frame, "questions drawn for a frame, if it has so many");
    v("always_chain_of_thought", always_chain_of_thought,
      "the chain of thought is one of them wherever a frame has one");
    v("with_past_actions", with_past_actions,
      "prompts tell the past meta actions (false: table 5's run without ego trajectory)");
    v("max_text_tokens", max_text_tokens, "longer questions with their answers are left out");
    v("most_frames", most_frames, "train on so many frames of each split, evenly spread; 0 = all");
    v("threads", threads, "threads that decode");
    v("ahead", ahead, "examples made ahead of the training");
    v("skip_damaged", skip_damaged, "list damaged frames and go on, instead of stopping");
    v("augment", augment, "changes of images, and left for right");
  }

  /// Throws one ConfigError that names every problem.
  void Validate() const;
};

}  // namespace occvla::train

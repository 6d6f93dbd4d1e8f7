#include "occvla/cli/model_flags.h"

#include <CLI/Option.hpp>
#include <CLI/Validators.hpp>
#include <map>

namespace occvla::cli {

void AddMaskFlag(CLI::App& verb, std::optional<model::MaskMode>& mask) {
  verb.add_option_function<std::string>(
          "--mask",
          [&mask](const std::string& word) {
            mask = word == "occvla" ? model::MaskMode::kOccvla : model::MaskMode::kPaligemma;
          },
          "occvla (images see images alone) or paligemma (images see the prompt too); default: the "
          "checkpoint's")
      ->check(CLI::IsMember({"occvla", "paligemma"}));
}

void AddDtypeFlag(CLI::App& verb, infer::ComputeType& dtype) {
  verb.add_option_function<std::string>(
          "--dtype",
          [&dtype](const std::string& word) {
            static const std::map<std::string, infer::ComputeType> kTypes = {
                {"auto", infer::ComputeType::kAuto},
                {"f32", infer::ComputeType::kFloat32},
                {"bf16", infer::ComputeType::kBFloat16}};
            dtype = kTypes.at(word);
          },
          "type to compute in: auto (bf16 for 16-bit weights where the CPU multiplies it "
          "natively), "
          "f32 or bf16")
      ->check(CLI::IsMember({"auto", "f32", "bf16"}));
}

void AddDeviceFlag(CLI::App& verb, std::string& device) {
  verb.add_option("--device", device, "cpu, cuda or cuda:N")->capture_default_str();
}

}  // namespace occvla::cli

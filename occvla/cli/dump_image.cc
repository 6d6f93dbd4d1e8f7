#include "occvla/base/safetensors.h"
#include "occvla/cli/verbs.h"
#include "occvla/data/image/image.h"

namespace occvla::cli {
namespace {

struct Flags {
  std::string input, output;
  int size_px = 224;
  std::string filter = "bicubic";
};

}  // namespace

void AddDumpImage(CLI::App& dump, const Context&) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *dump.add_subcommand("image", "An image as decoded and as the model sees it");
  verb.add_option("--input", flags->input, "JPEG or PNG")->required()->type_name("FILE");
  verb.add_option("--output", flags->output,
                  "safetensors: pixel_values f32 [3, S, S], rgb u8 [H, W, 3]")
      ->required()
      ->type_name("FILE");
  verb.add_option("--size", flags->size_px, "Edge of the model's input in pixels")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  verb.add_option("--filter", flags->filter, "How the image is resized")
      ->check(CLI::IsMember({"bicubic", "bilinear"}))
      ->capture_default_str();
  verb.footer("Example:\n  occvla dump image --input CAM_FRONT.jpg --output pixels.safetensors");
  verb.callback([flags] {
    const auto image = data::ReadImage(flags->input);
    const auto filter =
        flags->filter == "bicubic" ? data::ResizeFilter::kBicubic : data::ResizeFilter::kBilinear;
    const auto pixels =
        data::Normalise(data::Resize(image, flags->size_px, flags->size_px, filter));
    WriteSafetensors(
        flags->output,
        {{"pixel_values",
          {DType::kF32, {3, flags->size_px, flags->size_px}, std::as_bytes(std::span(pixels))}},
         {"rgb",
          {DType::kU8,
           {image.height_px, image.width_px, 3},
           std::as_bytes(std::span(image.rgb))}}});
  });
}

}  // namespace occvla::cli

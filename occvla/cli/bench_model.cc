#include <CLI/Option.hpp>
#include <CLI/Validators.hpp>
#include <array>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/cli/model_flags.h"
#include "occvla/cli/verbs.h"
#include "occvla/infer/bench.h"

namespace occvla::cli {
namespace {

struct Flags {
  infer::BenchOptions options;
  bool no_occupancy = false, json = false, peer = false;
  std::string python = "build/deps/venv/bin/python", peer_script = "bench/peers/paligemma_hf.py",
              out;
};

nlohmann::json ToJson(const infer::BenchResult& r) {
  return {{"isa", r.isa},
          {"compute", r.compute},
          {"threads", r.threads},
          {"open_ms", r.open_ms},
          {"vision_ms", r.vision_ms},
          {"image_prefill_ms", r.image_prefill_ms},
          {"prompt_ms", r.prompt_ms},
          {"prefill_with_vision_ms", r.vision_ms + r.image_prefill_ms + r.prompt_ms},
          {"token_ms", r.token_ms},
          {"second_prompt_ms", r.second_prompt_ms},
          {"occupancy_hidden_ms", r.occupancy_hidden_ms},
          {"occupancy_decoder_ms", r.occupancy_decoder_ms},
          {"logits_equal_with_occupancy", r.logits_equal_with_occupancy},
          {"read_gb_per_s", r.read_gb_per_s},
          {"read_ms", r.read_ms},
          {"gemm_gflop_per_s", r.gemm_gflop_per_s},
          {"vision_gflop", r.vision_gflop},
          {"prefill_gflop", r.prefill_gflop},
          {"occupancy_gflop", r.occupancy_gflop},
          {"weight_bytes", r.weight_bytes},
          {"token_bytes", r.token_bytes},
          {"kv_bytes", r.kv_bytes},
          {"peak_before_occupancy_bytes", r.peak_before_occupancy_bytes},
          {"peak_bytes", r.peak_bytes}};
}

std::string Quoted(const std::string& word) {
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

/// Runs transformers on the same weights and sizes; it prints one JSON object.
nlohmann::json RunPeer(const Flags& flags, const infer::BenchResult& ours) {
  const auto command = Quoted(flags.python) + " " + Quoted(flags.peer_script) + " --checkpoint " +
                       Quoted(flags.options.checkpoint.string()) + " --prompt-tokens " +
                       std::to_string(flags.options.prompt_tokens) + " --new-tokens " +
                       std::to_string(flags.options.new_tokens) + " --threads " +
                       std::to_string(ours.threads) + " --json";
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  if (!pipe) throw DeviceError("cannot start " + command);
  std::string text;
  std::array<char, 4096> piece{};
  while (const size_t n = std::fread(piece.data(), 1, piece.size(), pipe.get())) {
    text.append(piece.data(), n);
  }
  const auto start = text.find('{');
  const auto json = nlohmann::json::parse(start == std::string::npos ? text : text.substr(start),
                                          nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) {
    throw DataError("--peer: " + command +
                    " printed no JSON. Run script/bootstrap --parity, and give "
                    "--python the interpreter it made.");
  }
  return json;
}

void Row(std::ostream& out, const char* what, double value, const char* unit,
         const std::string& remark = "") {
  char line[160];
  std::snprintf(line, sizeof line, "%-34s %10.1f %-8s ", what, value, unit);
  out << line << remark << "\n";
}

std::string Text(const char* format, double value) {
  char text[160];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

void PrintTable(std::ostream& out, const infer::BenchResult& r) {
  constexpr double kGb = 1e9;
  out << "instructions " << r.isa << ", compute " << r.compute << ", " << r.threads << " threads\n";
  Row(out, "open, pages mapped", r.open_ms, "ms",
      Text("%.2f GB of weights", static_cast<double>(r.weight_bytes) / kGb));
  Row(out, "vision, all cameras", r.vision_ms, "ms",
      Text("%.0f GFLOP/s", r.vision_gflop / r.vision_ms * 1e3));
  Row(out, "image prefill", r.image_prefill_ms, "ms",
      Text("%.0f GFLOP/s", r.prefill_gflop / r.image_prefill_ms * 1e3) +
          Text(" of %.0f (plain matrix product)", r.gemm_gflop_per_s));
  Row(out, "prompt, first logits", r.prompt_ms, "ms");
  Row(out, "a token", r.token_ms, "ms",
      Text("%.2f times ", r.token_ms / r.read_ms) +
          Text("the %.1f ms that its weights take to read", r.read_ms) +
          Text(" at %.1f GB/s", r.read_gb_per_s));
  Row(out, "second question, same frame", r.second_prompt_ms, "ms", "no vision, no image prefill");
  if (r.occupancy_hidden_ms > 0) {
    Row(out, "occupancy queries", r.occupancy_hidden_ms, "ms",
        Text("%.0f GFLOP/s", r.occupancy_gflop / r.occupancy_hidden_ms * 1e3));
    Row(out, "occupancy decoder", r.occupancy_decoder_ms, "ms",
        std::string("skipped at inference; text logits ") +
            (r.logits_equal_with_occupancy ? "bit-identical with and without" : "DIFFER"));
  }
  Row(out, "peak memory without occupancy",
      static_cast<double>(r.peak_before_occupancy_bytes) / kGb, "GB",
      Text("weights + %.2f GB", (static_cast<double>(r.peak_before_occupancy_bytes) -
                                 static_cast<double>(r.weight_bytes)) /
                                    kGb));
  Row(out, "peak memory", static_cast<double>(r.peak_bytes) / kGb, "GB");
}

void PrintPeer(std::ostream& out, const infer::BenchResult& r, const nlohmann::json& peer) {
  const double prefill = peer.value("prefill_with_vision_ms", 0.0);
  const double token = peer.value("token_ms", 0.0);
  out << "peer: transformers " << peer.value("transformers", "?") << ", "
      << peer.value("attention", "?") << "\n";
  Row(out, "prefill with vision", prefill, "ms",
      Text("ours %.1f ms, ", r.vision_ms + r.image_prefill_ms + r.prompt_ms) +
          Text("%.2f times as fast", prefill / (r.vision_ms + r.image_prefill_ms + r.prompt_ms)));
  Row(out, "a token", token, "ms", Text("ours %.2f times as fast", token / r.token_ms));
}

}  // namespace

void AddBenchModel(CLI::App& bench, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto* verb = bench.add_subcommand("model", "Times each phase of a model and its memory");
  verb->footer("Example:\n  occvla bench model --checkpoint build/3b --peer");
  verb->add_option("--checkpoint", flags->options.checkpoint, "checkpoint folder")->required();
  verb->add_option("--prompt-tokens", flags->options.prompt_tokens, "tokens of the question")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb->add_option("--new-tokens", flags->options.new_tokens, "tokens of the answer")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb->add_option("--repeats", flags->options.repeats,
                   "runs of vision and prefill; the median counts")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb->add_option("--threads", flags->options.threads, "0 = all cores");
  AddDtypeFlag(*verb, flags->options.dtype);
  verb->add_flag("--no-occupancy", flags->no_occupancy, "leave the occupancy branch out");
  verb->add_flag("--peer", flags->peer, "also run transformers on the same weights");
  verb->add_option("--python", flags->python, "interpreter for --peer")->capture_default_str();
  verb->add_option("--peer-script", flags->peer_script, "what --peer runs")->capture_default_str();
  verb->add_flag("--json", flags->json, "JSON instead of a table");
  verb->add_option("--out", flags->out, "write the JSON there too");
  verb->callback([flags, &context] {
    flags->options.occupancy = !flags->no_occupancy;
    const auto result = infer::BenchModel(flags->options, [&](const std::string& phase) {
      context.CheckInterrupt();
      context.err << "bench: " << phase << std::endl;
    });
    auto json = ToJson(result);
    if (!flags->json) PrintTable(context.out, result);
    if (flags->peer) {
      context.err << "bench: peer" << std::endl;
      json["peer"] = RunPeer(*flags, result);
      if (!flags->json) PrintPeer(context.out, result, json["peer"]);
    }
    if (flags->json) context.out << json.dump(2) << "\n";
    if (!flags->out.empty()) WriteFileAtomically(flags->out, std::string_view(json.dump(2) + "\n"));
  });
}

}  // namespace occvla::cli

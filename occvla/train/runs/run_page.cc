#include "occvla/train/runs/run_page.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/html.h"
#include "occvla/train/runs/metrics.h"
#include "occvla/train/runs/run_page_parts.h"
#include "occvla/train/runs/samples.h"

namespace occvla::train {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr size_t kMaxPictures = 24, kMaxPictureBytes = size_t{8} << 20;

/// What the loop's own numbers are called on the page; they come last, in this order.
struct KnownName {
  const char *name, *title;
};
constexpr std::array<KnownName, 5> kOfTheLoop{
    {{"learning_rate", "learning rate"},
     {"samples_per_s", "samples per second"},
     {"tokens_per_s", "tokens per second"},
     {"steps_per_s", "steps per second"},
     {"waiting_share", "share of time waiting for data"}}};

/// Losses first ("loss" before "loss_text"), the loop's own numbers last.
int RankOf(const std::string& name) {
  if (name.starts_with("loss")) return 0;
  for (size_t i = 0; i < kOfTheLoop.size(); ++i)
    if (name == kOfTheLoop[i].name) return static_cast<int>(i) + 2;
  return 1;
}

std::string TitleOf(const std::string& name) {
  const int rank = RankOf(name);
  return rank < 2 ? name : kOfTheLoop[static_cast<size_t>(rank) - 2].title;
}

std::vector<std::string> OrderedNames(const Curves& curves) {
  std::vector<std::string> names;
  for (const auto& [name, series] : curves) names.push_back(name);
  std::stable_sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    return RankOf(a) < RankOf(b);
  });
  return names;
}

std::string Number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

std::string Utc(int64_t ms) {
  const auto seconds = static_cast<std::time_t>(ms / 1000);
  std::tm parts{};
  char text[40] = "unknown";
  if (::gmtime_r(&seconds, &parts) != nullptr)
    (void)std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text;
}

/// Inside of a script element, "</script>" would end it.
std::string ScriptJson(const Json& json) {
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string safe;
  for (const char c : text) {
    if (c == '<') {
      safe += "\\u003c";
    } else {
      safe += c;
    }
  }
  return safe;
}

Json ChartsOf(const Curves& curves) {
  Json charts = Json::array();
  for (const std::string& name : OrderedNames(curves)) {
    Json series = Json::object(), notes = Json::array();
    for (const auto& [which, curve] : curves.at(name)) {
      Json points = Json::array();
      for (const CurvePoint& point : curve.Points()) points.push_back({point.step, point.value});
      series[which] = std::move(points);
      if (curve.not_finite() > 0) {
        notes.push_back(which + ": " + std::to_string(curve.not_finite()) +
                        " NaN or infinite, first at step " +
                        std::to_string(curve.first_not_finite()));
      }
    }
    charts.push_back({{"title", TitleOf(name)}, {"series", series}, {"notes", notes}});
  }
  return charts;
}

std::string Tile(const std::string& value, const std::string& what) {
  return "<div class=\"tile\"><b>" + HtmlText(value) + "</b><span>" + HtmlText(what) +
         "</span></div>";
}

std::string Tiles(const RunPage& page) {
  std::string html = "<div class=\"tiles\">";
  html +=
      Tile(std::to_string(page.state.step) + " / " + std::to_string(page.origin.steps), "steps");
  const auto last = [&](const char* name, const char* series, const std::string& what,
                        double factor, const char* unit) {
    const auto found = page.curves.find(name);
    if (found == page.curves.end()) return;
    const auto curve = found->second.find(series);
    if (curve == found->second.end() || !curve->second.last()) return;
    html += Tile(Number(factor * curve->second.last()->value) + unit, what);
  };
  last("loss", "train", "loss, training", 1, "");
  last("loss", "val", "loss, validation", 1, "");
  last("samples_per_s", "train", "samples per second", 1, "");
  last("tokens_per_s", "train", "tokens per second", 1, "");
  last("waiting_share", "train", "of the time waiting for data", 100, " %");
  return html + "</div>\n";
}

std::string Values(const Curves& curves) {
  std::string html =
      "<h2>Values</h2>\n<div class=\"wide\"><table class=\"numbers\"><thead><tr><th>metric</th>"
      "<th>series</th><th>last</th><th>lowest</th><th>at step</th><th>highest</th><th>at step</th>"
      "</tr></thead><tbody>\n";
  for (const std::string& name : OrderedNames(curves)) {
    for (const auto& [series, curve] : curves.at(name)) {
      if (!curve.last()) continue;
      const auto cell = [](const std::string& text) { return "<td>" + text + "</td>"; };
      html += "<tr><th scope=\"row\">" + HtmlText(TitleOf(name)) + "</th>" +
              cell(HtmlText(series)) + cell(Number(curve.last()->value)) +
              cell(Number(curve.lowest()->value)) + cell(std::to_string(curve.lowest()->step)) +
              cell(Number(curve.highest()->value)) + cell(std::to_string(curve.highest()->step)) +
              "</tr>\n";
    }
  }
  return html + "</tbody></table></div>\n";
}

std::string Facts(const RunPage& page) {
  std::string html = "<h2>Facts</h2>\n<div class=\"wide\"><table class=\"facts\"><tbody>\n";
  const auto row = [&](const std::string& name, const std::string& value) {
    if (value.empty()) return;
    html +=
        "<tr><th scope=\"row\">" + HtmlText(name) + "</th><td>" + HtmlText(value) + "</td></tr>\n";
  };
  row("stage", page.origin.stage);
  row("model", page.origin.preset);
  row("begun", Utc(page.origin.started_ms));
  row("last change", Utc(page.state.updated_ms));
  row("starts from", page.origin.parent);
  row("data", page.origin.data_fingerprint);
  for (const auto& [name, value] : page.origin.more) row(name, value);
  row("host", page.state.process.host);
  row("program", page.origin.program);
  row("config's SHA-256", page.origin.config_hash);
  row("run", page.origin.id);
  return html +
         "</tbody></table></div>\n<h2>Config</h2>\n<details><summary>config.toml</summary>"
         "<pre>" +
         HtmlText(page.config) + "</pre></details>\n";
}

std::string Base64(const std::string& bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // And the end that OpenSSL writes.
  const int size = ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  return text;
}

std::string Pictures(const fs::path& folder) {
  std::vector<Sample> samples = SamplesIn(folder);
  if (samples.empty()) return "";
  std::stable_sort(samples.begin(), samples.end(),
                   [](const Sample& a, const Sample& b) { return a.step > b.step; });
  std::string html = "<h2>Pictures</h2>\n<div class=\"pictures\">\n";
  size_t shown = 0, bytes = 0;
  for (const Sample& sample : samples) {
    std::error_code error;
    const uintmax_t size = fs::file_size(sample.path, error);
    if (shown == kMaxPictures || error || size > kMaxPictureBytes - bytes) break;
    const std::string png = ReadTextFile(sample.path, kMaxPictureBytes);
    bytes += std::min(png.size(), kMaxPictureBytes - bytes);
    ++shown;
    const std::string caption =
        HtmlText("step " + std::to_string(sample.step) + ", " + sample.name);
    html += "<figure><img alt=\"" + caption + "\" src=\"data:image/png;base64," + Base64(png) +
            "\"><figcaption>" + caption + "</figcaption></figure>\n";
  }
  html += "</div>\n";
  if (shown < samples.size()) {
    html += "<p>" + std::to_string(samples.size() - shown) + " more lie in samples/.</p>\n";
  }
  return html;
}

}  // namespace

std::string ToHtml(const RunPage& page) {
  const std::string title = page.origin.name, status = page.state.Word();
  std::string html =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\"><title>" +
      HtmlText(title) + "</title><style>" + kPageStyle + "</style></head><body>\n<h1>" +
      HtmlText(title) + "</h1>\n<p>Stage " + HtmlText(page.origin.stage) + " of " +
      HtmlText(page.origin.preset) + ", <span class=\"status " + status + "\">" + status +
      "</span> at " + Utc(page.state.updated_ms) +
      (page.state.reason.empty() ? "" : ": " + HtmlText(page.state.reason)) + "</p>\n";
  html += Tiles(page);
  html +=
      "<div class=\"tools\"><label>smoothing of training curves <input id=\"smoothing\" "
      "type=\"range\" min=\"0\" max=\"0.99\" step=\"0.01\" value=\"0.6\"><output id=\"weight\">"
      "</output></label><label><input id=\"log\" type=\"checkbox\"> logarithmic scale</label></div>"
      "\n<div class=\"charts\"></div>\n<noscript><p>The curves are drawn by a script, which this "
      "browser does not run; the values below are all there.</p></noscript>\n";
  html += Values(page.curves) + Pictures(page.samples) + Facts(page);
  html += "<script type=\"application/json\" id=\"data\">" + ScriptJson(ChartsOf(page.curves)) +
          "</script>\n<script>" + kPageScript + "</script>\n</body></html>\n";
  return html;
}

fs::path WriteRunPage(const fs::path& folder) {
  const auto read = [&](const char* name) { return ReadTextFile(folder / name); };
  const RunOrigin origin = ParseOrigin(read("origin.json"), (folder / "origin.json").string());
  RunState state = ParseState(read("status.json"), (folder / "status.json").string());
  const std::string config = read("config.toml");
  Curves curves;
  for (const MetricRecord& record : ReadMetrics(folder / "metrics.jsonl").records) {
    AddTo(curves, record);
    state.step = std::max(state.step, record.step);
  }
  const fs::path file = folder / "report.html";
  WriteFileAtomically(
      file, std::string_view(ToHtml({origin, state, curves, config, folder / "samples"})));
  return file;
}

}  // namespace occvla::train

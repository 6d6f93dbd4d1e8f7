#include "occvla/model/files/json_fields.h"

#include <cmath>

#include "occvla/base/error.h"
#include "occvla/base/json.h"
#include "occvla/base/text.h"

namespace occvla::model {
nlohmann::json ParseJsonObject(std::string_view text, const std::string& where) {
  nlohmann::json parsed = ParseJson(text, where, {.kind = ErrorKind::kCheckpoint});
  if (!parsed.is_object()) {
    throw CheckpointError(where + ": must be a JSON object, but is " + Describe(parsed) + ".");
  }
  return parsed;
}

std::string Describe(const nlohmann::json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array of " + std::to_string(value.size());
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    return '"' + (text.size() > 60 ? text.substr(0, 60) + "..." : text) + '"';
  }
  return value.dump();
}

void JsonFields::Complain(const char* name, const std::string& problem) {
  complaints_.push_back(path_ + name + " " + problem);
}

const nlohmann::json* JsonFields::Find(const char* name) const {
  const auto it = object_.find(name);
  return it == object_.end() || it->is_null() ? nullptr : &*it;
}

const nlohmann::json* JsonFields::Object(const char* name) {
  const auto* value = Find(name);
  if (value == nullptr || value->is_object()) return value;
  Complain(name, "must be an object, but is " + Describe(*value));
  return nullptr;
}

void JsonFields::Read(const char* name, int64_t& out) {
  const auto it = object_.find(name);
  if (it == object_.end()) return;
  const bool fits = it->is_number_integer() &&
                    (!it->is_number_unsigned() || it->get<uint64_t>() <= uint64_t{INT64_MAX});
  if (fits) {
    out = it->get<int64_t>();
  } else {
    Complain(name, "must be an integer, but is " + Describe(*it));
  }
}

void JsonFields::Read(const char* name, double& out) {
  const auto it = object_.find(name);
  if (it == object_.end()) return;
  if (it->is_number() && std::isfinite(it->get<double>())) {
    out = it->get<double>();
  } else {
    Complain(name, "must be a number, but is " + Describe(*it));
  }
}

void JsonFields::Read(const char* name, bool& out) {
  const auto it = object_.find(name);
  if (it == object_.end()) return;
  if (it->is_boolean()) {
    out = it->get<bool>();
  } else {
    Complain(name, "must be true or false, but is " + Describe(*it));
  }
}

void JsonFields::Read(const char* name, std::string& out) {
  const auto it = object_.find(name);
  if (it == object_.end()) return;
  if (it->is_string()) {
    out = it->get<std::string>();
  } else {
    Complain(name, "must be text, but is " + Describe(*it));
  }
}

void JsonFields::Read(const char* name, MaskMode& out) {
  const auto it = object_.find(name);
  if (it == object_.end()) return;
  const auto mode =
      it->is_string() ? MaskModeFromName(it->get_ref<const std::string&>()) : std::nullopt;
  if (mode) {
    out = *mode;
  } else {
    Complain(name, "must be \"occvla\" or \"paligemma\", but is " + Describe(*it));
  }
}

void JsonFields::ReadNullable(const char* name, double& out, double when_null) {
  const auto it = object_.find(name);
  if (it != object_.end() && it->is_null()) {
    out = when_null;
  } else {
    Read(name, out);
  }
}

void JsonFields::ReadNullable(const char* name, int64_t& out, int64_t when_null) {
  const auto it = object_.find(name);
  if (it != object_.end() && it->is_null()) {
    out = when_null;
  } else {
    Read(name, out);
  }
}

void JsonFields::MustBe(const char* name, const nlohmann::json& value, const char* why) {
  const auto* found = Find(name);
  if (found == nullptr || *found == value) return;
  Complain(name, "must be " + Describe(value) + " (" + why + "), but is " + Describe(*found));
}

void JsonStrictReader::Finish() {
  for (const auto& [name, value] : object_.items()) {
    bool known = false;
    for (const auto& field : known_) known = known || field == name;
    if (known) continue;
    const auto near = Nearest(name, known_, 1);
    complaints_.push_back(path_ + name + " is not known" +
                          (near.empty() ? "" : "; the nearest field is " + near[0]));
  }
}

}  // namespace occvla::model

#include "occvla/serve/openapi.h"

#include <nlohmann/json.hpp>

namespace occvla::serve {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kPaths = R"json({
  "/v1/chat/completions": {"post": {
    "operationId": "chat",
    "summary": "A question about one key frame, in OpenAI's shape",
    "requestBody": {"required": true, "content": {"application/json": {
      "schema": {"$ref": "#/components/schemas/ChatRequest"}}}},
    "responses": {"200": {"description": "The answer; with \"stream\": true as server-sent events",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ChatCompletion"}},
                  "text/event-stream": {"schema": {"$ref": "#/components/schemas/Event"}}}}}}},
  "/v1/predict": {"post": {
    "operationId": "predict",
    "summary": "Drives, answers questions and predicts occupancy of one key frame",
    "requestBody": {"required": true, "content": {"application/json": {
      "schema": {"$ref": "#/components/schemas/PredictRequest"}}}},
    "responses": {"200": {"description": "The prediction; with \"stream\": true as server-sent events progress, text and result",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Prediction"}},
                  "text/event-stream": {"schema": {"$ref": "#/components/schemas/Event"}}}}}}},
  "/v1/models": {"get": {
    "operationId": "models", "summary": "The model that is served",
    "responses": {"200": {"description": "A list of one", "content": {"application/json": {
      "schema": {"type": "object", "required": ["object", "data"], "properties": {
        "object": {"const": "list"},
        "data": {"type": "array", "items": {"$ref": "#/components/schemas/Model"}}}}}}}}}},
  "/v1/models/{model}": {"get": {
    "operationId": "model", "summary": "One model",
    "parameters": [{"name": "model", "in": "path", "required": true, "schema": {"type": "string", "minLength": 1}}],
    "responses": {"200": {"description": "The model", "content": {"application/json": {
      "schema": {"$ref": "#/components/schemas/Model"}}}}}}},
  "/healthz": {"get": {
    "operationId": "health", "summary": "The process answers", "security": [],
    "responses": {"200": {"description": "It does", "content": {"application/json": {
      "schema": {"type": "object", "required": ["status"], "properties": {"status": {"const": "ok"}}}}}}}}},
  "/readyz": {"get": {
    "operationId": "ready", "summary": "New requests are taken", "security": [],
    "responses": {
      "200": {"description": "They are", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Readiness"}}}},
      "503": {"description": "The server is stopping", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Readiness"}}}}}}},
  "/metrics": {"get": {
    "operationId": "metrics", "summary": "Counters for Prometheus",
    "responses": {"200": {"description": "Text format 0.0.4", "content": {"text/plain": {"schema": {"type": "string"}}}}}}},
  "/openapi.json": {"get": {
    "operationId": "openapi", "summary": "This document", "security": [],
    "responses": {"200": {"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {"type": "object"}}}}}}}
})json";

constexpr const char* kSchemas = R"json({
  "Error": {"type": "object", "required": ["error"], "properties": {"error": {
    "type": "object", "required": ["message", "type", "param", "code"], "properties": {
      "message": {"type": "string"}, "type": {"type": "string"},
      "param": {"type": ["string", "null"], "description": "The field at fault"},
      "code": {"type": ["string", "integer", "null"]}}}}},
  "Event": {"type": "object", "required": ["data"], "properties": {"event": {"type": "string"}, "data": {"type": "string"}}},
  "Readiness": {"type": "object", "required": ["status", "waiting", "running"], "properties": {
    "status": {"enum": ["ready", "stopping"]}, "waiting": {"type": "integer"}, "running": {"type": "integer"}}},
  "Model": {"type": "object", "required": ["id", "object", "created", "owned_by"], "properties": {
    "id": {"type": "string"}, "object": {"const": "model"}, "created": {"type": "integer"},
    "owned_by": {"type": "string"}, "occvla": {"type": "object"}}},
  "Stop": {"anyOf": [{"type": "null"}, {"type": "string", "minLength": 1},
    {"type": "array", "items": {"type": "string", "minLength": 1}}]},
  "MetaAction": {"type": "string", "description": "<velocity>, <direction>", "examples": ["Maintain speed, Go Straight"],
    "pattern": "^(Maintain speed|Accelerate|Decelerate), (Go Straight|Turn Left|Turn Right|Change Lane Left|Change Lane Right|Stop)$"},
  "Point": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
  "EgoState": {"type": "object", "additionalProperties": false,
    "description": "The car's own motion, in its frame at the key frame: x forward, y left, metres, seconds",
    "properties": {
      "velocity": {"anyOf": [{"type": "null"}, {"$ref": "#/components/schemas/Point"}]},
      "past_positions": {"type": ["array", "null"], "maxItems": 4, "items": {"$ref": "#/components/schemas/Point"}},
      "past_meta_actions": {"type": ["array", "null"], "maxItems": 64, "items": {"$ref": "#/components/schemas/MetaAction"}}}},
  "CameraCalibration": {"type": "object", "additionalProperties": false,
    "required": ["intrinsic", "camera_in_ego", "width", "height"], "properties": {
      "intrinsic": {"type": "array", "minItems": 3, "maxItems": 3,
        "items": {"type": "array", "minItems": 3, "maxItems": 3, "items": {"type": "number"}}},
      "camera_in_ego": {"type": "object", "additionalProperties": false, "required": ["rotation", "translation"],
        "properties": {
          "rotation": {"type": "array", "minItems": 4, "maxItems": 4, "items": {"type": "number"}, "description": "w, x, y, z"},
          "translation": {"type": "array", "minItems": 3, "maxItems": 3, "items": {"type": "number"}}}},
      "width": {"type": "integer", "minimum": 1, "maximum": 65535},
      "height": {"type": "integer", "minimum": 1, "maximum": 65535}}},
  "TextPart": {"type": "object", "additionalProperties": false, "required": ["type", "text"],
    "properties": {"type": {"const": "text"}, "text": {"type": "string"}}},
  "ImagePart": {"type": "object", "additionalProperties": false, "required": ["type", "image_url"], "properties": {
    "type": {"const": "image_url"},
    "image_url": {"type": "object", "additionalProperties": false, "required": ["url"], "properties": {
      "url": {"type": "string", "pattern": "^data:image/(jpeg|png);base64,[A-Za-z0-9+/]+=*$"}, "detail": {"type": ["string", "null"]}}},
    "camera": {"anyOf": [{"type": "null"}, {"$ref": "#/components/schemas/CameraName"}]}}},
  "CameraName": {"enum": ["CAM_FRONT", "CAM_FRONT_RIGHT", "CAM_FRONT_LEFT", "CAM_BACK", "CAM_BACK_LEFT", "CAM_BACK_RIGHT"]},
  "Message": {"type": "object", "additionalProperties": false, "required": ["role", "content"], "properties": {
    "role": {"enum": ["system", "developer", "user", "assistant"]},
    "name": {"type": ["string", "null"]}, "refusal": {},
    "content": {"anyOf": [{"type": "string"}, {"type": "array", "items": {
      "anyOf": [{"$ref": "#/components/schemas/TextPart"}, {"$ref": "#/components/schemas/ImagePart"}]}}]}}},
  "ChatRequest": {"type": "object", "additionalProperties": false, "required": ["model", "messages"], "properties": {
    "model": {"type": "string"},
    "messages": {"type": "array", "minItems": 1, "maxItems": 64, "items": {"$ref": "#/components/schemas/Message"}},
    "stream": {"type": ["boolean", "null"]},
    "stream_options": {"anyOf": [{"type": "null"}, {"type": "object", "additionalProperties": false,
      "properties": {"include_usage": {"type": ["boolean", "null"]}}}]},
    "temperature": {"type": ["number", "null"], "minimum": 0, "maximum": 2, "default": 0},
    "top_p": {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 1, "default": 1},
    "seed": {"type": ["integer", "null"], "minimum": -9223372036854775808, "maximum": 9223372036854775807},
    "stop": {"$ref": "#/components/schemas/Stop"},
    "n": {"enum": [1, null]}, "user": {"type": ["string", "null"], "maxLength": 512},
    "frequency_penalty": {"enum": [0, null]}, "presence_penalty": {"enum": [0, null]},
    "logprobs": {"enum": [false, null]},
    "response_format": {"anyOf": [{"type": "null"}, {"type": "object", "additionalProperties": false,
      "required": ["type"], "properties": {"type": {"const": "text"}}}]},
    "occvla": {"anyOf": [{"type": "null"}, {"type": "object", "additionalProperties": false, "properties": {
      "frame": {"type": ["string", "null"], "description": "Sample token, instead of images"},
      "ego": {"anyOf": [{"type": "null"}, {"$ref": "#/components/schemas/EgoState"}]},
      "calibration": {"anyOf": [{"type": "null"}, {"$ref": "#/components/schemas/Calibration"}]},
      "trajectory": {"type": ["boolean", "null"]},
      "legal_meta_action": {"type": ["boolean", "null"]},
      "deadline_s": {"type": ["number", "null"], "minimum": 0.001}}}]}}},
  "Usage": {"type": "object", "required": ["prompt_tokens", "completion_tokens", "total_tokens"], "properties": {
    "prompt_tokens": {"type": "integer"}, "completion_tokens": {"type": "integer"}, "total_tokens": {"type": "integer"},
    "prompt_tokens_details": {"type": "object", "properties": {"cached_tokens": {"type": "integer"}}}}},
  "Trajectory": {"anyOf": [{"type": "null"}, {"type": "object", "required": ["frame", "step_s", "points"], "properties": {
    "frame": {"const": "ego"}, "step_s": {"const": 0.5},
    "points": {"type": "array", "minItems": 6, "maxItems": 6, "items": {"$ref": "#/components/schemas/Point"}}}}]},
  "Flags": {"type": "array", "items": {"type": "string"}},
  "ChatCompletion": {"type": "object", "required": ["id", "object", "created", "model", "choices", "usage"], "properties": {
    "id": {"type": "string"}, "object": {"const": "chat.completion"}, "created": {"type": "integer"}, "model": {"type": "string"},
    "choices": {"type": "array", "minItems": 1, "maxItems": 1, "items": {"type": "object",
      "required": ["index", "message", "finish_reason"], "properties": {
        "index": {"const": 0}, "finish_reason": {"enum": ["stop", "length"]}, "logprobs": {"type": "null"},
        "message": {"type": "object", "required": ["role", "content"], "properties": {
          "role": {"const": "assistant"}, "content": {"type": "string"}}}}}},
    "usage": {"$ref": "#/components/schemas/Usage"},
    "occvla": {"type": "object", "required": ["meta_action", "trajectory", "flags", "timings"], "properties": {
      "meta_action": {"anyOf": [{"type": "null"}, {"$ref": "#/components/schemas/MetaAction"}]},
      "trajectory": {"$ref": "#/components/schemas/Trajectory"},
      "flags": {"$ref": "#/components/schemas/Flags"}, "timings": {"type": "object"}}}}},
  "PredictRequest": {"type": "object", "additionalProperties": false,
    "oneOf": [{"required": ["frame"], "properties": {"frame": {"type": "string"}, "images": {"type": "null"}}},
              {"required": ["images"], "properties": {"images": {"type": "object"}, "frame": {"type": "null"}}}],
    "properties": {
      "frame": {"type": ["string", "null"], "description": "Sample token"},
      "images": {"anyOf": [{"type": "null"}, {"$ref": "#/components/schemas/Images"}]},
      "calibration": {"anyOf": [{"type": "null"}, {"$ref": "#/components/schemas/Calibration"}]},
      "ego": {"anyOf": [{"type": "null"}, {"$ref": "#/components/schemas/EgoState"}]},
      "questions": {"type": ["array", "null"], "items": {"type": "string", "minLength": 1}},
      "drive": {"type": ["boolean", "null"], "default": true, "description": "Answer the driving question: text, meta action, trajectory"},
      "occupancy": {"enum": ["npz", "rle", null]},
      "legal_meta_action": {"type": ["boolean", "null"], "default": false},
      "temperature": {"type": ["number", "null"], "minimum": 0, "maximum": 2, "default": 0},
      "top_p": {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 1, "default": 1},
      "seed": {"type": ["integer", "null"], "minimum": -9223372036854775808, "maximum": 9223372036854775807},
      "stop": {"$ref": "#/components/schemas/Stop"},
      "deadline_s": {"type": ["number", "null"], "minimum": 0.001},
      "stream": {"type": ["boolean", "null"]}}},
  "Prediction": {"type": "object",
    "required": ["id", "object", "model", "frame", "text", "meta_action", "trajectory", "occupancy", "consistency", "answers", "flags", "timings", "usage"],
    "properties": {
      "id": {"type": "string"}, "object": {"const": "prediction"}, "model": {"type": "string"},
      "frame": {"type": ["string", "null"]}, "text": {"type": ["string", "null"]},
      "finish_reason": {"enum": ["stop", "length", null]},
      "meta_action": {"anyOf": [{"type": "null"}, {"$ref": "#/components/schemas/MetaAction"}]},
      "trajectory": {"$ref": "#/components/schemas/Trajectory"},
      "occupancy": {"anyOf": [{"type": "null"}, {"type": "object", "required": ["encoding", "shape", "frame", "voxel_m", "origin_m", "classes"],
        "properties": {"encoding": {"enum": ["npz", "rle"]}, "data": {"type": "string"},
          "runs": {"type": "array", "items": {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "integer"}}}}}]},
      "consistency": {"type": ["object", "null"]},
      "answers": {"type": "array", "items": {"type": "object", "required": ["question", "text", "finish_reason", "flags", "timings"],
        "properties": {"question": {"type": "string"}, "text": {"type": "string"}, "finish_reason": {"enum": ["stop", "length"]},
          "meta_action": {"anyOf": [{"type": "null"}, {"$ref": "#/components/schemas/MetaAction"}]},
          "flags": {"$ref": "#/components/schemas/Flags"}, "timings": {"type": "object"}}}},
      "flags": {"$ref": "#/components/schemas/Flags"}, "timings": {"type": "object"},
      "usage": {"$ref": "#/components/schemas/Usage"}}}
})json";

Json Nullable(Json schema) { return {{"anyOf", {{{"type", "null"}}, std::move(schema)}}}; }

// What depends on the cameras' names or on this server's limits.
void Complete(Json& schemas, const OpenApiFacts& facts) {
  const auto& limits = facts.limits;
  const Json calibration{{"$ref", "#/components/schemas/CameraCalibration"}};
  Json cameras = Json::object(), images = Json::object();
  for (const auto& name : schemas["CameraName"]["enum"]) {
    cameras[name.get<std::string>()] = Nullable(calibration);
    images[name.get<std::string>()] = {{"type", "string"},
                                       {"description", "base64 or a data: URL of a JPEG or PNG"}};
  }
  schemas["Calibration"] = {
      {"type", "object"}, {"additionalProperties", false}, {"properties", cameras}};
  schemas["Images"] = {{"type", "object"},
                       {"additionalProperties", false},
                       {"description", "One camera's image or all six"},
                       {"properties", images}};
  const Json tokens{
      {"type", {"integer", "null"}}, {"minimum", 1}, {"maximum", limits.max_new_tokens}};
  auto& chat = schemas["ChatRequest"]["properties"];
  chat["max_tokens"] = chat["max_completion_tokens"] = tokens;
  chat["model"] = {{"enum", {facts.model_name}}};
  auto& predict = schemas["PredictRequest"]["properties"];
  predict["max_tokens"] = tokens;
  predict["questions"]["maxItems"] = limits.max_questions;
  predict["questions"]["items"]["maxLength"] = limits.max_text_characters;
  predict["deadline_s"]["maximum"] = limits.max_deadline_s;
  chat["occvla"]["anyOf"][1]["properties"]["deadline_s"]["maximum"] = limits.max_deadline_s;
  if (!facts.example_frame.empty()) {
    chat["occvla"]["anyOf"][1]["properties"]["frame"]["examples"] = {facts.example_frame};
    predict["frame"]["examples"] = {facts.example_frame};
    schemas["PredictRequest"]["examples"] = {{{"frame", facts.example_frame}}};
    const Json message{{"role", "user"}, {"content", "What is ahead?"}};
    schemas["ChatRequest"]["examples"] = {{{"model", facts.model_name},
                                           {"messages", Json::array({message})},
                                           {"occvla", {{"frame", facts.example_frame}}}}};
  }
  auto& stop = schemas["Stop"]["anyOf"];
  stop[1]["maxLength"] = stop[2]["items"]["maxLength"] = limits.max_stop_characters;
  stop[2]["maxItems"] = limits.max_stops;
}

// Any path may answer with an error; the statuses are one list.
void AddErrors(Json& paths) {
  const Json error{{"application/json", {{"schema", {{"$ref", "#/components/schemas/Error"}}}}}};
  const std::pair<const char*, const char*> statuses[] = {
      {"400", "The request breaks a rule; \"param\" names the field"},
      {"401", "A token is asked for"},
      {"403", "Host or Origin is not one of this server's"},
      {"404", "No such frame or model"},
      {"408", "The body did not arrive in time, or the deadline passed"},
      {"411", "The body came in chunks"},
      {"413", "The body is too long"},
      {"414", "The path is too long"},
      {"415", "The body is no JSON, or compressed"},
      {"416", "The Range header cannot be followed"},
      {"429", "Too many requests wait; Retry-After says for how long to stay away"},
      {"503", "The server is stopping, or the machine lacks memory"}};
  for (auto& [path, methods] : paths.items()) {
    for (auto& [method, operation] : methods.items()) {
      for (const auto& [status, text] : statuses) {
        auto& responses = operation["responses"];
        if (!responses.contains(status))
          responses[status] = {{"description", text}, {"content", error}};
      }
    }
  }
}

}  // namespace

std::string OpenApi(const OpenApiFacts& facts) {
  Json schemas = Json::parse(kSchemas), paths = Json::parse(kPaths);
  Complete(schemas, facts);
  AddErrors(paths);
  const auto text = "A vision-language-action model of six cameras. Bodies have at most " +
                    std::to_string(facts.http.body_bytes) + " bytes, images at most " +
                    std::to_string(facts.limits.max_pixels) + " pixels.";
  const Json document{
      {"openapi", "3.1.0"},
      {"info", {{"title", "OccVLA"}, {"version", OCCVLA_VERSION}, {"description", text}}},
      {"security", {Json::object(), {{"token", Json::array()}}}},
      {"paths", paths},
      {"components",
       {{"securitySchemes", {{"token", {{"type", "http"}, {"scheme", "bearer"}}}}},
        {"schemas", schemas}}}};
  return document.dump(2) + "\n";
}

}  // namespace occvla::serve

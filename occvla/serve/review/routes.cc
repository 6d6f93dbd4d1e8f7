#include "occvla/serve/review/routes.h"

#include <httplib.h>

#include <nlohmann/json.hpp>

#include "occvla/base/error.h"
#include "occvla/serve/json_reply.h"
#include "occvla/serve/review/desk.h"
#include "occvla/serve/review/judgement.h"

namespace occvla::serve {
namespace {

using review::Desk;
using review::Fault;

constexpr const char* kItemRoute = "/v1/review/items/([0-9a-f]{32})";

void SendFault(httplib::Response& response, const Fault& fault) {
  SendError(response, 400, fault.message + ".", "invalid_request_error", fault.param);
}

void SendUnknown(httplib::Response& response) {
  SendError(response, 404, "No label is proposed for this keyframe here.", "not_found_error",
            "token");
}

/// What the store or the data set says names files of this machine: the client is told the kind.
template <typename Answer>
void Guarded(httplib::Response& response, Answer&& answer) {
  try {
    answer();
  } catch (const BusyError&) {
    response.set_header("Retry-After", "1");
    SendError(response, 503, "The review store is in use by another program. Nothing was kept.",
              "overloaded_error");
  } catch (const ConfigError& error) {
    SendError(response, 400, error.what());
  } catch (const Error&) {
    SendError(response, 500, "The review store or the data set cannot be used. Nothing was kept.",
              "server_error");
  }
}

void SendItems(Desk& desk, const httplib::Request& request, httplib::Response& response) {
  const auto query = review::ParseQuery({.status = request.get_param_value("status"),
                                         .who = request.get_param_value("who"),
                                         .offset = request.get_param_value("offset"),
                                         .limit = request.get_param_value("limit")});
  if (const auto* fault = std::get_if<Fault>(&query)) return SendFault(response, *fault);
  SendJson(response, desk.Items(std::get<review::ItemQuery>(query)));
}

void Judge(Desk& desk, const httplib::Request& request, httplib::Response& response) {
  const std::string token = request.matches[1];
  const auto read = review::ParseJudgement(request.body);
  if (const auto* fault = std::get_if<Fault>(&read)) return SendFault(response, *fault);
  const auto& judgement = std::get<review::Judgement>(read);
  if (!desk.Has(token)) return SendUnknown(response);
  if (!desk.Proposes(token, judgement.proposed)) {
    return SendError(response, 409,
                     "Another label is proposed now than the one that was judged. Look again.",
                     "conflict_error", "proposed");
  }
  SendJson(response, *desk.Record(token, judgement));
}

}  // namespace

void AddReviewRoutes(httplib::Server& server, review::Desk& desk) {
  server.Get("/v1/review/items",
             [&desk](const httplib::Request& request, httplib::Response& response) {
               Guarded(response, [&] { SendItems(desk, request, response); });
             });
  server.Get(kItemRoute, [&desk](const httplib::Request& request, httplib::Response& response) {
    Guarded(response, [&] {
      const auto item = desk.Item(std::string(request.matches[1]));
      item ? SendJson(response, *item) : SendUnknown(response);
    });
  });
  server.Post(kItemRoute, [&desk](const httplib::Request& request, httplib::Response& response) {
    Guarded(response, [&] { Judge(desk, request, response); });
  });
}

}  // namespace occvla::serve

#pragma once

#include <kavi/api/infisical.hpp>
#include <kavi/base/json.hpp>

#include <string>
#include <string_view>

/// JSON and refusals of Infisical's API. Used within the client only.
namespace kavi::api::infisical {

/// What a body that isn't a success says; empty strings where it isn't Infisical's.
struct Complaint {
    int status = 0;
    std::string error;
    std::string message;
    std::string request_id;

    /// The route doesn't exist: an older server, or no Infisical at all.
    bool unknown_route() const { return status == 404 && request_id.empty(); }

    /// The token is of no use any more: another login may help.
    bool stale_token() const { return status == 401 || (status == 403 && error == "TokenError"); }
};

Complaint complaint_of(const net::Response& response);

/// The error that a refused call comes to; `doing`: "read the folder /infra".
Error error_of(const Complaint& complaint, std::string_view doing, std::string_view base_url);

/// The error of a login that was refused. It is never repeated: three failures lock the identity.
Error login_error_of(const Complaint& complaint, std::string_view base_url);

/// A failure of the network as errors::secrets_unavailable; what the person forbade or stopped stays what it
/// is.
Error unavailable(const Error& error, std::string_view base_url);

/// Parses a 2xx body and wipes it. Not JSON: errors::secrets_unavailable, for then somebody else answered.
Json body_of(net::Response& response, std::string_view base_url);

InfisicalListing listing_of(Json body);
InfisicalProject project_of(const Json& project);

}  // namespace kavi::api::infisical

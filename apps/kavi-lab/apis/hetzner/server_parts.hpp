#pragma once

#include "cloud.hpp"

#include <functional>
#include <string>
#include <vector>

/// What the servers' files share.
namespace kavi::lab::hetzner {

/// The server of the path; locked ones are refused.
Server& free_server(Cloud& cloud, const Call& call);
/// RFC 1123, unique. `except`: the server that may have it already.
std::string checked_server_name(Cloud& cloud, const Fields& fields, std::int64_t except = 0);
/// A type that can be ordered in the location; Problem otherwise.
const ServerType& orderable_type(const Cloud& cloud, const std::string& text, const std::string& location);
/// An image that a server of the type can have.
const Image& usable_image(const Cloud& cloud, const std::string& text, const ServerType& type);
std::string checked_user_data(const Fields& fields);
/// Starts steps on the server, which is locked until they end. Gives their actions.
std::vector<Action> start_on(Cloud& cloud, Server& server, std::vector<Step> steps);
Answer start_one_on(Cloud& cloud, Server& server, Step step);
/// Work on the machine behind the server; empty where there is none.
std::function<void()> on_machine(Cloud& cloud,
                                 const Server& server,
                                 std::function<void(ServerMachines&, const std::string&)> work);
MachineOrder order_of(const Cloud& cloud, const Server& server);
/// Sets the status if the server is still there.
std::function<void()> becomes(Cloud& cloud, std::int64_t server, std::string status);
std::string random_password();

}  // namespace kavi::lab::hetzner

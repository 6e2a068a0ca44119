#pragma once

#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>
#include <kavi/host/host.hpp>
#include <kavi/model/compose.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

/// A server whose whole state is one JSON file, written after each operation: a killed process leaves what a
/// killed connection leaves.
class FakeHost final : public kavi::host::Host {
  public:
    using Json = kavi::Json;

    explicit FakeHost(std::filesystem::path file) : file_(std::move(file)) {
        const auto text = kavi::read_file_if_there(file_);
        world = text ? kavi::parse_json(*text, "the world")
                     : Json{{"containers", Json::object()},
                            {"images", Json::array()},
                            {"files", Json::object()},
                            {"records", Json::object()},
                            {"releases", Json::array()},
                            {"next", 1}};
    }

    Json world;
    int kill_after = 0;  ///< the process dies once so many operations have changed something
    std::vector<std::string> called;

    const std::string& name() const override { return name_; }

    Json call(const kavi::host::Operation& operation,
              const kavi::host::EventSink&,
              std::stop_token) override {
        called.push_back(operation.name);
        auto result = carry_out(operation);
        if (operation.name == "facts") return result;
        save();
        if (kill_after > 0 && --kill_after == 0) ::raise(SIGKILL);
        return result;
    }

    /// Whole or not at all for a process that is killed; no machine dies here, so nothing is synced.
    void save() const {
        const auto beside = file_.string() + ".new";
        std::ofstream(beside) << world.dump(1);
        std::filesystem::rename(beside, file_);
    }

    Json facts() const {
        auto containers = Json::array();
        for (const auto& [service, container] : world["containers"].items()) containers.push_back(container);
        auto images = Json::array();
        for (const auto& image : world["images"])
            images.push_back({{"id", "id of " + image.get<std::string>()},
                              {"tags", {image}},
                              {"digests", {"digest of " + image.get<std::string>()}}});
        auto stacks = Json::object();
        if (world["records"].contains("stacks/production.json"))
            stacks["production"] = world["records"]["stacks/production.json"];
        Json placed{{"files", digests("/opt/production/")},
                    {"secrets", digests("/var/lib/kavi/secrets/production/")}};
        return {{"docker", {{"answers", true}, {"containers", containers}, {"images", images}}},
                {"records", {{"stacks", stacks}, {"releases", {{"production", world["releases"]}}}}},
                {"stacks", {{"production", placed}}}};
    }

  private:
    Json carry_out(const kavi::host::Operation& operation) {
        const auto& parameters = operation.parameters;
        if (operation.name == "facts") return facts();
        if (operation.name == "image/pull") return pull(parameters);
        if (operation.name == "stack/put") return put(operation);
        if (operation.name == "service/up") return up(parameters);
        if (operation.name == "service/stop") {
            world["containers"][parameters["service"].get<std::string>()]["state"] = "exited";
            return Json::object();
        }
        if (operation.name == "service/remove") {
            world["containers"].erase(parameters["service"].get<std::string>());
            return Json::object();
        }
        if (operation.name == "record/write") {
            world["records"][parameters["path"].get<std::string>()] = parameters["value"];
            return Json::object();
        }
        if (operation.name == "record/append") {
            if (world["releases"].empty() || world["releases"].back() != parameters["value"])
                world["releases"].push_back(parameters["value"]);
            return Json::object();
        }
        throw kavi::Error(kavi::errors::remote_failed, "no operation " + operation.name);
    }

    Json pull(const Json& parameters) {
        for (const auto& image : parameters["images"])
            if (std::ranges::find(world["images"], image) == world["images"].end())
                world["images"].push_back(image);
        return Json::object();
    }

    Json put(const kavi::host::Operation& operation) {
        const auto& parameters = operation.parameters;
        const auto directory = parameters["directory"].get<std::string>() + "/";
        const auto secrets = parameters["secrets_folder"].get<std::string>() + "/";
        keep(parameters, directory, secrets);
        auto& files = world["files"];
        if (parameters["all_secrets"].get<bool>())
            for (const auto& path : paths_below(secrets)) files.erase(path);
        const auto place = [&](const std::string& folder, const Json& list) {
            for (const auto& entry : list) {
                const auto frame = std::ranges::find(
                    operation.frames, entry["frame"].get<std::string>(), &kavi::host::Frame::name);
                files[folder + entry["path"].get<std::string>()] = {{"bytes", std::string(frame->view())},
                                                                    {"mode", entry["mode"]}};
            }
        };
        place(secrets, parameters["secrets"]);
        place(directory, parameters["files"]);
        for (const auto& path : parameters["remove"]) files.erase(directory + path.get<std::string>());
        return Json::object();
    }

    void keep(const Json& parameters, const std::string& directory, const std::string& secrets) {
        const auto release = parameters["keep_as"].get<std::string>();
        const auto folder = "/var/lib/kavi/previous/production/" + release;
        if (release.empty() || !paths_below(folder + "/").empty()) return;
        for (const auto& path : parameters["kept"])
            if (const auto full = directory + path.get<std::string>(); world["files"].contains(full))
                world["files"][folder + "/files/" + path.get<std::string>()] = Json(world["files"][full]);
        for (const auto& path : paths_below(secrets))
            world["files"][folder + "/secrets/" + path.substr(secrets.size())] = Json(world["files"][path]);
    }

    std::vector<std::string> paths_below(const std::string& folder) const {
        std::vector<std::string> paths;
        for (const auto& [path, file] : world["files"].items())
            if (path.starts_with(folder)) paths.push_back(path);
        return paths;
    }

    Json digests(const std::string& folder) const {
        auto all = Json::object();
        for (const auto& path : paths_below(folder)) {
            const auto& file = world["files"][path];
            all[path.substr(folder.size())] = {
                {"sha256", kavi::hex(kavi::sha256(file["bytes"].get<std::string>()))},
                {"mode", file["mode"]}};
        }
        return all;
    }

    /// As Compose does: a new container where the image changed, where there is none, or where it is told to.
    Json up(const Json& parameters) {
        auto services = Json::object(), failures = Json::object();
        for (const auto& wanted : parameters["services"]) {
            const auto name = wanted["name"].get<std::string>();
            const auto image = image_of(parameters["stack"], name);
            if (std::ranges::find(world["images"], Json(image)) == world["images"].end()) {
                failures[name] = {
                    {"code", "KAVI-E0303"}, {"message", "no image " + image}, {"causes", Json::array()}};
                continue;
            }
            auto& container = world["containers"][name];
            if (container.is_null() || container["image"] != image || wanted["recreate"].get<bool>())
                container = make(name, image, parameters["stack"]["directory"]);
            container["state"] = "running";
            container["health"] = image.ends_with("broken") ? "unhealthy" : "healthy";
            if (container["health"] == "healthy")
                services[name] = container;
            else
                failures[name] = {{"code", "KAVI-E0301"},
                                  {"message", name + " did not become healthy"},
                                  {"causes", {"log: migration failed"}},
                                  {"fix", "kavi logs " + name}};
        }
        return {{"services", services}, {"failures", failures}};
    }

    Json make(const std::string& name, const std::string& image, const Json& directory) {
        const auto number = world["next"].get<int>();
        world["next"] = number + 1;
        return {{"id", fmt::format("{}-{}", name, number)},
                {"name", name},
                {"project", "production"},
                {"service", name},
                {"image", image},
                {"image_id", "id of " + image},
                {"made_in", directory},
                {"restarts", 0},
                {"exit_code", 0},
                {"mounts", {{{"type", "volume"}, {"name", "production_" + name}}}}};
    }

    std::string image_of(const Json& stack, const std::string& service) const {
        const auto path = stack["directory"].get<std::string>() + "/" + stack["files"][0].get<std::string>();
        if (!world["files"].contains(path)) throw kavi::Error(kavi::errors::remote_failed, "no file " + path);
        kavi::model::Problems problems;
        const auto text = world["files"][path]["bytes"].get<std::string>();
        const auto project = kavi::model::read_compose("production", {{path, text}}, {}, problems);
        return project.services.at(service).image;
    }

    std::string name_ = "bruno";
    std::filesystem::path file_;
};

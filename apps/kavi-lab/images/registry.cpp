#include "registry.hpp"

#include "images/image_config.hpp"
#include "lab/tools.hpp"

#include <kavi/base/text.hpp>

#include <fmt/format.h>
#include <httplib.h>

#include <atomic>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <thread>

namespace kavi::lab {

ImageReference parse_image_reference(std::string_view text) {
    ImageReference reference{.registry = "registry-1.docker.io", .tag = "latest"};
    const auto slash = text.find('/');
    const auto first = text.substr(0, slash);
    const bool names_host = slash != std::string_view::npos &&
                            (first.find_first_of(".:") != std::string_view::npos || first == "localhost");
    if (names_host) {
        if (first != "docker.io") reference.registry = first;
        text.remove_prefix(slash + 1);
    }
    text = text.substr(0, text.find('@'));
    const auto colon = text.rfind(':');
    if (colon != std::string_view::npos) reference.tag = text.substr(colon + 1);
    reference.repository = text.substr(0, colon);
    if (!names_host && slash == std::string_view::npos) reference.repository.insert(0, "library/");
    return reference;
}

namespace {

constexpr auto manifest_type = "application/vnd.docker.distribution.manifest.v2+json";
constexpr auto config_type = "application/vnd.docker.container.image.v1+json";
constexpr auto layer_type = "application/vnd.docker.image.rootfs.diff.tar.gzip";

void refuse(httplib::Response& response, int status, const std::string& code, const std::string& message) {
    const Json body{{"errors", {{{"code", code}, {"message", message}}}}};
    response.status = status;
    response.set_content(body.dump(), "application/json");
}

}  // namespace

struct Registry::Parts {
    Parts(const Images& given, const Layer& given_certificate, const std::vector<std::string>& references)
        : images(given), certificate(given_certificate) {
        for (const auto& text : references) {
            const auto reference = parse_image_reference(text);
            tags[reference.repository].insert(reference.tag);
        }
        for (const auto& layer : {images.busybox, images.standin, images.postgres, images.redis, certificate})
            layers[layer.digest] = layer;
        serve();
    }

    ~Parts() {
        stopping = true;
        server.stop();
        thread.join();
    }

    void serve() {
        server.new_task_queue = [] { return new httplib::ThreadPool(8); };
        server.set_keep_alive_max_count(1000);
        server.set_pre_routing_handler([this](const auto&, auto& response) { return strike(response); });
        server.Get("/v2/?",
                   [](const auto&, auto& response) { response.set_content("{}", "application/json"); });
        server.Get(R"(/v2/(.+)/tags/list)",
                   [this](const auto& request, auto& response) { list(request.matches[1], response); });
        server.Get(R"(/v2/(.+)/manifests/([^/]+))", [this](const auto& request, auto& response) {
            manifest(request.matches[1], request.matches[2], response);
        });
        server.Get(R"(/v2/(.+)/blobs/([^/]+))",
                   [this](const auto& request, auto& response) { blob(request.matches[2], response); });
        port = server.bind_to_any_port("127.0.0.1");
        if (port <= 0) throw lab_error("the image registry can't listen");
        thread = std::thread([this] { server.listen_after_bind(); });
    }

    httplib::Server::HandlerResponse strike(httplib::Response& response) {
        response.set_header("Docker-Distribution-Api-Version", "registry/2.0");
        while (fault == RegistryFault::hang && !stopping)
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        if (fault == RegistryFault::unauthorized) {
            response.set_header("WWW-Authenticate", "Basic realm=\"registry\"");
            refuse(response, 401, "UNAUTHORIZED", "authentication required");
            return httplib::Server::HandlerResponse::Handled;
        }
        if (fault == RegistryFault::too_many_requests) {
            refuse(response, 429, "TOOMANYREQUESTS", "You have reached your pull rate limit.");
            return httplib::Server::HandlerResponse::Handled;
        }
        return httplib::Server::HandlerResponse::Unhandled;
    }

    void list(const std::string& repository, httplib::Response& response) {
        const std::scoped_lock lock(mutex);
        if (!tags.contains(repository))
            return refuse(response, 404, "NAME_UNKNOWN", "repository name not known to registry");
        const Json body{{"name", repository}, {"tags", tags[repository]}};
        response.set_content(body.dump(), "application/json");
    }

    void manifest(const std::string& repository, const std::string& reference, httplib::Response& response) {
        const std::scoped_lock lock(mutex);
        const bool by_digest = reference.starts_with("sha256:");
        if (!by_digest && tags.contains(repository) && !reference.ends_with("-missing"))
            make(repository, reference);
        const auto digest = by_digest ? reference : digests[repository + ":" + reference];
        const auto found = texts.find(digest);
        if (found == texts.end()) return refuse(response, 404, "MANIFEST_UNKNOWN", "manifest unknown");
        response.set_header("Docker-Content-Digest", digest);
        response.set_content(found->second, manifest_type);
    }

    /// Makes the image of that name, if nobody asked for it before.
    void make(const std::string& repository, const std::string& tag) {
        auto& digest = digests[repository + ":" + tag];
        if (!digest.empty()) return;
        tags[repository].insert(tag);
        const auto image = standin_image(images, certificate, repository, tag);
        const auto config = canonical_json(image.config);
        texts[sha256_tag(config)] = config;
        Json list_of_layers = Json::array();
        for (const auto& layer : image.layers)
            list_of_layers.push_back(
                {{"mediaType", layer_type}, {"digest", layer.digest}, {"size", layer.size}});
        const auto text = canonical_json(
            {{"schemaVersion", 2},
             {"mediaType", manifest_type},
             {"config",
              {{"mediaType", config_type}, {"digest", sha256_tag(config)}, {"size", config.size()}}},
             {"layers", std::move(list_of_layers)}});
        digest = sha256_tag(text);
        texts[digest] = text;
    }

    void blob(const std::string& digest, httplib::Response& response) {
        response.set_header("Docker-Content-Digest", digest);
        if (const auto layer = layers.find(digest); layer != layers.end())
            return send(layer->second, response);
        const std::scoped_lock lock(mutex);
        const auto found = texts.find(digest);
        if (found == texts.end()) return refuse(response, 404, "BLOB_UNKNOWN", "blob unknown to registry");
        response.set_content(found->second, "application/octet-stream");
    }

    static void send(const Layer& layer, httplib::Response& response) {
        const auto file = std::make_shared<std::ifstream>(layer.file, std::ios::binary);
        response.set_content_provider(
            static_cast<std::size_t>(layer.size),
            "application/octet-stream",
            [file](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
                std::string buffer(std::min<std::size_t>(length, 1 << 20), '\0');
                file->seekg(static_cast<std::streamoff>(offset));
                file->read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
                return file->gcount() > 0 &&
                       sink.write(buffer.data(), static_cast<std::size_t>(file->gcount()));
            });
    }

    const Images images;
    const Layer certificate;
    std::map<std::string, Layer> layers;
    std::atomic<RegistryFault> fault = RegistryFault::none;
    std::atomic<bool> stopping = false;
    std::mutex mutex;
    std::map<std::string, std::set<std::string>> tags;  ///< by repository
    std::map<std::string, std::string> digests;         ///< of "repository:tag"
    std::map<std::string, std::string> texts;           ///< manifests and configurations, by digest
    httplib::Server server;
    int port = 0;
    std::thread thread;
};

Registry::Registry(const Images& images, const Layer& certificate, const std::vector<std::string>& references)
    : parts_(std::make_unique<Parts>(images, certificate, references)) {}

Registry::~Registry() = default;

int Registry::port() const {
    return parts_->port;
}

void Registry::set_fault(RegistryFault fault) {
    parts_->fault = fault;
}

}  // namespace kavi::lab

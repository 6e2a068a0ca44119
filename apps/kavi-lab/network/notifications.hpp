#pragma once

#include <filesystem>
#include <memory>

namespace kavi::lab {

/// Takes what is sent to the estate's notification address, by plain HTTP on loopback, and writes it to a
/// file, one JSON object a line: time, method, path, body.
class Notifications {
  public:
    explicit Notifications(const std::filesystem::path& file);
    ~Notifications();
    Notifications(const Notifications&) = delete;
    Notifications& operator=(const Notifications&) = delete;

    int port() const;

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace kavi::lab

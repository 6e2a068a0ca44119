#pragma once

#include <kavi/net/transport.hpp>

#include <atomic>
#include <cstdint>

namespace kavi::net {

/// Counts what goes through it: for benchmarks and tests.
class CountingTransport final : public Transport {
  public:
    explicit CountingTransport(Transport& inner) : inner_(inner) {}

    Response send(const Request& request, std::stop_token stop) override {
        ++requests;
        return inner_.send(request, std::move(stop));
    }

    std::atomic<std::uint64_t> requests = 0;

  private:
    Transport& inner_;
};

}  // namespace kavi::net

#pragma once

#include "../http/api.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace kavi::lab::doh {

/// Answers name look-ups as application/dns-json: /dns-query as Cloudflare does (which wants that type to be
/// asked for), /resolve as Google does.
class Doh final : public Api {
  public:
    using Resolve = std::function<std::optional<std::vector<std::string>>(const std::string& name,
                                                                          const std::string& type)>;

    explicit Doh(Resolve resolve) : resolve_(std::move(resolve)) {}

    std::string name() const override { return "doh"; }

    std::string prefix() const override { return ""; }

    Answer answer(Call& call) override;
    Answer error(int status, const std::string& code) override;

  private:
    Json look_up(const std::string& name, int type) const;

    Resolve resolve_;
};

}  // namespace kavi::lab::doh

#pragma once

#include <kavi/net/transport.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace kavi::net {

/// Takes secrets out of what is traced of one request: the values of telling headers and query parameters,
/// wherever they stand in the line and however curl writes them (HTTP/2 repeats each header as a remark,
/// "[authorization: …]"), and last the request's own telling header values, wherever they turn up.
class Redactor {
  public:
    explicit Redactor(const Request& request);

    std::string redact(std::string_view line) const;

  private:
    std::vector<std::string> values_;
};

/// Is the value of a header (or query parameter) of that name secret by nature?
bool is_telling_name(std::string_view name);

}  // namespace kavi::net

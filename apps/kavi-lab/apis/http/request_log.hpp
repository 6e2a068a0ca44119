#pragma once

#include "call.hpp"

#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>

namespace kavi::lab {

/// A copy in which every value that may be secret is masked: secretValue, clientSecret, accessToken,
/// passwords, tokens, and private keys inside any text. Masked values keep their type; `keep_shape` also
/// keeps length and kinds of characters, so that they still satisfy the patterns of the API's documents.
Json mask_secrets(const Json& value, bool keep_shape);

/// Writes one JSON object a line for every request.
class RequestLog {
  public:
    /// Appends to the file. Throws errors::file_unwritable.
    RequestLog(const std::filesystem::path& path, bool verbose);

    /// `sent` counts the bytes of the body that left; a dropped connection has status 0.
    void write(const std::string& api, const Call& call, const Answer& answer, std::size_t sent);

  private:
    std::mutex mutex_;
    std::ofstream file_;
    bool verbose_;
};

}  // namespace kavi::lab

#pragma once

#include <kavi/net/address.hpp>
#include <kavi/net/curl_handles.hpp>
#include <kavi/net/curl_trace.hpp>
#include <kavi/net/curl_transport.hpp>

#include <array>
#include <string>

namespace kavi::net {

/// One request on one easy handle, prepared before curl's thread gets it and read out after it is through.
class Exchange {
  public:
    /// Throws errors::address_forbidden, and errors::usage for a URL that can't be used.
    Exchange(const CurlOptions& options, const Request& request);
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    CURL* handle() const noexcept { return handle_.get(); }

    /// The answer, or the error that `code` stands for.
    Response finish(CURLcode code);

  private:
    void read_url();
    void set_limits();
    void set_certificates();
    void set_destination();
    void set_method();
    void set_headers();
    void set_callbacks();
    [[noreturn]] void fail(CURLcode code);
    bool only_reads() const;

    // What curl calls, on its thread. None may throw.
    static std::size_t on_body(char* bytes, std::size_t one, std::size_t count, void* self);
    static std::size_t on_header(char* bytes, std::size_t one, std::size_t count, void* self);
    static std::size_t on_read(char* into, std::size_t one, std::size_t count, void* self);
    static int on_seek(void* self, curl_off_t offset, int origin);
    static curl_socket_t on_open(void* self, curlsocktype purpose, curl_sockaddr* address);
    static int on_ready(void* self, char* address, char* own_address, int port, int own_port);
    static int on_trace(CURL* handle, curl_infotype type, char* bytes, std::size_t count, void* self);
    void take_header(std::string_view line);

    const CurlOptions& options_;
    const Request& request_;
    CurlEasy handle_;
    CurlList headers_, connect_to_;
    std::array<char, CURL_ERROR_SIZE> error_text_{};
    std::string scheme_, host_;
    int port_ = 0;
    Redactor redactor_;
    bool may_repeat_;

    Response response_;
    std::size_t read_ = 0;  ///< bytes of the request's body that curl has taken
    std::size_t header_bytes_ = 0;
    bool sent_ = false;
    bool too_large_ = false;
    bool repeat_refused_ = false;  ///< curl wanted to send once more what must not be
    std::string forbidden_;        ///< the address that may not be dialled
};

}  // namespace kavi::net

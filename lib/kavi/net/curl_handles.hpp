#pragma once

#include <kavi/base/error_codes.hpp>

#include <curl/curl.h>

#include <memory>
#include <string>

namespace kavi::net {

template <auto Function>
struct CurlRelease {
    template <typename T>
    void operator()(T* handle) const noexcept {
        Function(handle);
    }
};

using CurlEasy = std::unique_ptr<CURL, CurlRelease<&curl_easy_cleanup>>;
using CurlMulti = std::unique_ptr<CURLM, CurlRelease<&curl_multi_cleanup>>;
using CurlList = std::unique_ptr<curl_slist, CurlRelease<&curl_slist_free_all>>;
using CurlUrl = std::unique_ptr<CURLU, CurlRelease<&curl_url_cleanup>>;

inline void append(CurlList& list, const std::string& line) {
    curl_slist* longer = curl_slist_append(list.get(), line.c_str());
    if (!longer) throw std::bad_alloc();
    (void)list.release();
    list.reset(longer);
}

/// curl_easy_setopt that doesn't let a refusal pass: a wrong option is a bug of ours, not of the network.
template <typename Value>
void set_option(CURL* handle, CURLoption option, Value value) {
    if (const auto code = curl_easy_setopt(handle, option, value); code != CURLE_OK)
        throw Error(errors::internal, "libcurl refuses an option")
            .because(std::to_string(option) + ": " + curl_easy_strerror(code));
}

}  // namespace kavi::net

#include <kavi/base/text.hpp>
#include <kavi/net/curl_errors.hpp>
#include <kavi/net/curl_exchange.hpp>
#include <kavi/net/retry.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <new>

#include <sys/socket.h>
#include <unistd.h>

namespace kavi::net {

namespace {

constexpr std::size_t largest_header_block = std::size_t{1} << 20;
constexpr std::chrono::milliseconds connect_limit = std::chrono::seconds(10);

/// What is shown of a URL: a query can hold a signature.
std::string_view without_query(std::string_view url) {
    return url.substr(0, url.find('?'));
}

std::string part_of(CURLU* url, CURLUPart part, unsigned flags = 0) {
    char* text = nullptr;
    if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
    std::string result(text);
    curl_free(text);
    return result;
}

bool has_header(const Request& request, std::string_view name) {
    return std::ranges::any_of(request.headers, [&](const Header& one) { return lower(one.name) == name; });
}

long milliseconds(std::chrono::milliseconds duration) {
    return static_cast<long>(std::max<std::chrono::milliseconds::rep>(duration.count(), 1));
}

}  // namespace

Exchange::Exchange(const CurlOptions& options, const Request& request)
    : options_(options),
      request_(request),
      handle_(curl_easy_init()),
      redactor_(request),
      may_repeat_(may_be_repeated(request)) {
    if (!handle_) throw std::bad_alloc();
    read_url();
    set_destination();
    set_limits();
    set_method();
    set_headers();
    set_callbacks();
}

void Exchange::read_url() {
    const CurlUrl url(curl_url());
    const auto problem = curl_url_set(url.get(), CURLUPART_URL, request_.url.c_str(), CURLU_DISALLOW_USER);
    if (problem == CURLUE_OK) {
        scheme_ = part_of(url.get(), CURLUPART_SCHEME);
        host_ = part_of(url.get(), CURLUPART_HOST);
        if (host_.starts_with('[')) host_ = host_.substr(1, host_.find(']') - 1);
        const auto port = part_of(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
        std::from_chars(port.data(), port.data() + port.size(), port_);
    }
    if (host_.empty() || (scheme_ != "https" && scheme_ != "http"))
        throw Error(errors::usage,
                    fmt::format("\"{}\" can't be asked", printable(without_query(request_.url))))
            .because("it isn't a URL of the form https://host/path")
            .fix("correct the endpoint that was given");
    set_option(handle_.get(), CURLOPT_URL, request_.url.c_str());
}

void Exchange::set_destination() {
    const auto destination = destination_for(options_.rules, host_, port_);
    if (scheme_ == "http" && !destination.mapped && !is_loopback(host_))
        throw Error(errors::address_forbidden,
                    fmt::format("{} may not be contacted", without_query(request_.url)))
            .because("without TLS kavi talks to nothing but this machine")
            .fix("use https://");
    if (destination.mapped) {
        append(connect_to_,
               host_port_text(host_, port_) + ":" + host_port_text(destination.host, destination.port));
        set_option(handle_.get(), CURLOPT_CONNECT_TO, connect_to_.get());
    }
}

void Exchange::set_limits() {
    CURL* handle = handle_.get();
    set_option(handle, CURLOPT_NOSIGNAL, 1L);
    set_option(handle, CURLOPT_QUICK_EXIT, 1L);  // a name look-up that hangs doesn't hold up who cancels
    set_option(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    set_option(handle, CURLOPT_PROXY, "");
    set_option(handle, CURLOPT_NOPROXY, "*");
    set_option(handle, CURLOPT_FOLLOWLOCATION, 0L);
    set_option(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set_option(handle,
               CURLOPT_HTTP_VERSION,
               static_cast<long>(options_.http1_only ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS));
    set_option(handle, CURLOPT_PIPEWAIT, options_.http1_only ? 0L : 1L);
    set_option(handle, CURLOPT_TCP_KEEPALIVE, 1L);
    set_option(handle, CURLOPT_TIMEOUT_MS, milliseconds(request_.timeout));
    set_option(handle, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(std::min(request_.timeout, connect_limit)));
    set_option(handle, CURLOPT_USERAGENT, KAVI_USER_AGENT);
    set_option(handle, CURLOPT_ACCEPT_ENCODING, "gzip");
    set_option(handle, CURLOPT_ERRORBUFFER, error_text_.data());
    set_certificates();
}

/// The portable executable's libcurl knows one place of the system's CA certificates; distributions have
/// others.
void Exchange::set_certificates() {
    CURL* handle = handle_.get();
    if (options_.rules.certificate_file) {
        set_option(handle, CURLOPT_CAINFO, options_.rules.certificate_file->c_str());
        set_option(handle, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
        return;
    }
    const char* built_in = nullptr;
    curl_easy_getinfo(handle, CURLINFO_CAINFO, &built_in);
    if (built_in && ::access(built_in, R_OK) == 0) return;
    for (const char* place :
         {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"})
        if (::access(place, R_OK) == 0) return set_option(handle, CURLOPT_CAINFO, place);
}

void Exchange::set_method() {
    CURL* handle = handle_.get();
    const auto& method = request_.method;
    if (method == "HEAD") {
        set_option(handle, CURLOPT_NOBODY, 1L);
    } else if (!request_.body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
        set_option(handle, CURLOPT_POST, 1L);
        set_option(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    } else {
        set_option(handle, CURLOPT_HTTPGET, 1L);
    }
    if (method != "HEAD" && method != "GET") set_option(handle, CURLOPT_CUSTOMREQUEST, method.c_str());
}

void Exchange::set_headers() {
    for (const auto& header : request_.headers)
        append(headers_, header.name + (header.value.empty() ? ";" : ": " + header.value));
    append(headers_, "Expect:");
    if (!has_header(request_, "content-type")) append(headers_, "Content-Type:");
    set_option(handle_.get(), CURLOPT_HTTPHEADER, headers_.get());
}

void Exchange::set_callbacks() {
    CURL* handle = handle_.get();
    set_option(handle, CURLOPT_WRITEFUNCTION, &Exchange::on_body);
    set_option(handle, CURLOPT_WRITEDATA, this);
    set_option(handle, CURLOPT_HEADERFUNCTION, &Exchange::on_header);
    set_option(handle, CURLOPT_HEADERDATA, this);
    set_option(handle, CURLOPT_READFUNCTION, &Exchange::on_read);
    set_option(handle, CURLOPT_READDATA, this);
    set_option(handle, CURLOPT_SEEKFUNCTION, &Exchange::on_seek);
    set_option(handle, CURLOPT_SEEKDATA, this);
    set_option(handle, CURLOPT_OPENSOCKETFUNCTION, &Exchange::on_open);
    set_option(handle, CURLOPT_OPENSOCKETDATA, this);
    set_option(handle, CURLOPT_PREREQFUNCTION, &Exchange::on_ready);
    set_option(handle, CURLOPT_PREREQDATA, this);
    if (!options_.trace) return;
    set_option(handle, CURLOPT_VERBOSE, 1L);
    set_option(handle, CURLOPT_DEBUGFUNCTION, &Exchange::on_trace);
    set_option(handle, CURLOPT_DEBUGDATA, this);
}

bool Exchange::only_reads() const {
    return request_.method == "GET" || request_.method == "HEAD" || request_.method == "OPTIONS";
}

std::size_t Exchange::on_body(char* bytes, std::size_t one, std::size_t count, void* self) try {
    auto& exchange = *static_cast<Exchange*>(self);
    const auto size = one * count;
    exchange.too_large_ = size > exchange.request_.largest_body - exchange.response_.body.size();
    if (exchange.too_large_) return 0;
    exchange.response_.body.append(bytes, size);
    return size;

} catch (const std::exception&) {
    return 0;
}

std::size_t Exchange::on_header(char* bytes, std::size_t one, std::size_t count, void* self) try {
    auto& exchange = *static_cast<Exchange*>(self);
    const auto size = one * count;
    exchange.header_bytes_ += size;
    exchange.too_large_ = exchange.header_bytes_ > largest_header_block;
    if (exchange.too_large_) return 0;
    exchange.take_header(trim({bytes, size}));
    return size;

} catch (const std::exception&) {
    return 0;
}

/// An informational answer (103) comes with headers of its own: each status line starts anew.
void Exchange::take_header(std::string_view line) {
    if (line.starts_with("HTTP/")) return response_.headers.clear();
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return;
    response_.headers.push_back(
        {std::string(line.substr(0, colon)), std::string(trim(line.substr(colon + 1)))});
}

std::size_t Exchange::on_read(char* into, std::size_t one, std::size_t count, void* self) {
    auto& exchange = *static_cast<Exchange*>(self);
    const auto size = std::min(one * count, exchange.request_.body.size() - exchange.read_);
    std::memcpy(into, exchange.request_.body.data() + exchange.read_, size);
    exchange.read_ += size;
    return size;
}

int Exchange::on_seek(void* self, curl_off_t offset, int origin) {
    auto& exchange = *static_cast<Exchange*>(self);
    if (!exchange.may_repeat_ || origin != SEEK_SET) return CURL_SEEKFUNC_FAIL;
    exchange.read_ = std::min(static_cast<std::size_t>(offset), exchange.request_.body.size());
    return CURL_SEEKFUNC_OK;
}

/// The last word on where packets go: what a name really led to.
curl_socket_t Exchange::on_open(void* self, curlsocktype, curl_sockaddr* address) try {
    auto& exchange = *static_cast<Exchange*>(self);
    const auto& rules = exchange.options_.rules;
    const bool anywhere = !rules.loopback_only && exchange.scheme_ == "https";
    if (!anywhere && !is_local_or_mapped(rules, address->addr)) {
        exchange.forbidden_ = address_text(address->addr);
        return CURL_SOCKET_BAD;
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

} catch (const std::exception&) {
    return CURL_SOCKET_BAD;
}

/// Called when a connection is there and the request is about to go. When a connection that was kept turns
/// out dead, curl sends the request again by itself, whatever its method: this is where that is stopped.
int Exchange::on_ready(void* self, char*, char*, int, int) {
    auto& exchange = *static_cast<Exchange*>(self);
    if (exchange.sent_ && !exchange.may_repeat_) {
        exchange.repeat_refused_ = true;
        return CURL_PREREQFUNC_ABORT;
    }
    exchange.sent_ = true;
    return CURL_PREREQFUNC_OK;
}

int Exchange::on_trace(CURL*, curl_infotype type, char* bytes, std::size_t count, void* self) try {
    auto& exchange = *static_cast<Exchange*>(self);
    const char* mark = type == CURLINFO_TEXT ? "* " : type == CURLINFO_HEADER_OUT ? "> " : "< ";
    if (type != CURLINFO_TEXT && type != CURLINFO_HEADER_OUT && type != CURLINFO_HEADER_IN) return 0;
    for (const auto& line : split({bytes, count}, '\n'))
        if (const auto text = trim(line); !text.empty())
            exchange.options_.trace(mark + exchange.redactor_.redact(text));
    return 0;

} catch (const std::exception&) {
    return 0;
}

Response Exchange::finish(CURLcode code) {
    if (code != CURLE_OK) fail(code);
    long status = 0;
    curl_off_t took = 0;
    curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(handle_.get(), CURLINFO_TOTAL_TIME_T, &took);
    response_.status = static_cast<int>(status);
    response_.took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::microseconds(took));
    return std::move(response_);
}

void Exchange::fail(CURLcode code) {
    const auto message = fmt::format("{} {} failed", request_.method, without_query(request_.url));
    if (!forbidden_.empty())
        throw Error(errors::address_forbidden, message)
            .because(fmt::format("{} leads to {}, which may not be contacted", host_, forbidden_));
    const auto place = host_port_text(host_, port_);
    CurlEnd end{.code = code, .text = error_text_.data(), .place = place};
    curl_easy_getinfo(handle_.get(), CURLINFO_SSL_VERIFYRESULT, &end.verify_result);
    curl_easy_getinfo(handle_.get(), CURLINFO_OS_ERRNO, &end.system_error);
    auto reason = failure_reason(end);
    if (too_large_)
        reason = {NetworkFailure::too_large,
                  fmt::format("the answer of {} is larger than {} bytes", place, request_.largest_body)};
    if (repeat_refused_) reason = {NetworkFailure::broken, fmt::format("the connection to {} broke", place)};
    NetworkError error(reason.failure, sent_, message);
    error.because(std::move(reason.why));
    if (sent_ && !only_reads()) error.because(std::string(unknown_outcome));
    throw error;
}

}  // namespace kavi::net

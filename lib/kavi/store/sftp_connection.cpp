#include <kavi/base/error_codes.hpp>
#include <kavi/store/failures.hpp>
#include <kavi/store/sftp_connection.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

namespace kavi::store {

namespace {

using std::chrono::seconds;

/// A line that was up is worth waiting for: two minutes.
constexpr seconds waits_again[] = {seconds(1), seconds(4), seconds(15), seconds(40), seconds(60)};
/// The first one may only have met too many others (a Storage Box takes 10 an account).
constexpr seconds waits_first[] = {seconds(1), seconds(4), seconds(10)};

/// Less than this free, and a refused write is taken for a full store: more may have been under way.
constexpr std::uint64_t hardly_free = std::uint64_t{8} << 20;

/// Servers over their limit accept the connection and drop it before or during the key exchange.
bool looks_like_a_limit(const Error& error) {
    return std::ranges::any_of(error.causes(), [](const std::string& cause) {
        return cause.find("key exchange") != cause.npos || cause.find("reset by peer") != cause.npos;
    });
}

Error store_failed(const Error& why) {
    Error error(errors::store_failed, why.message());
    for (const auto& cause : why.causes()) error.because(cause);
    return error;
}

}  // namespace

SftpConnection::SftpConnection(net::SshConnector& connector,
                               net::SshTarget target,
                               Clock& clock,
                               std::stop_token stop)
    : connector_(connector), target_(std::move(target)), clock_(clock), stop_(std::move(stop)) {}

std::shared_ptr<SftpLogin> SftpConnection::login() {
    if (login_) return login_;
    auto fresh = std::make_shared<SftpLogin>();
    fresh->session = connector_.connect(target_, stop_);
    fresh->sftp = std::make_unique<net::Sftp>(*fresh->session, target_.name, stop_);
    was_up_ = true;
    return login_ = std::move(fresh);
}

Error SftpConnection::given_up(const Error& broken) const {
    Error error(errors::network_failed,
                was_up_ ? fmt::format("the line to store {} broke and can't be made again", target_.name)
                        : fmt::format("store {} can't be reached", target_.name));
    error.because(broken.message());
    for (const auto& cause : broken.causes()) error.because(cause);
    if (looks_like_a_limit(broken))
        error.because("the server may have too many connections: a Storage Box takes 10 an account")
            .fix("end other transfers to this account, or give them an account of their own");
    return error;
}

bool SftpConnection::is_answer(const Error& error) {
    return error.code() == errors::store_missing || error.code() == errors::store_failed;
}

void SftpConnection::wait_after(int failures, const Error& ended) {
    if (stop_.stop_requested()) throw Error(errors::interrupted, "interrupted");
    if (ended.code() == errors::remote_failed) throw store_failed(ended);
    if (!(ended.code() == errors::ssh_unreachable)) throw ended;
    const auto waits =
        was_up_ ? std::span<const seconds>(waits_again) : std::span<const seconds>(waits_first);
    if (static_cast<std::size_t>(failures) > waits.size()) throw given_up(ended);
    clock_.sleep_for(waits[static_cast<std::size_t>(failures - 1)], stop_);
    if (stop_.stop_requested()) throw Error(errors::interrupted, "interrupted");
}

Error SftpConnection::refusal(const net::SftpError& refused) {
    if (refused.status() == net::SftpStatus::failure) try {
            const auto left = space();
            if (left && left->free < hardly_free) return no_space(target_.name, left);
        } catch (const Error&) {
            // The line broke as well; the refusal is what counts.
        }
    return store_failed(refused);
}

std::optional<Space> SftpConnection::space() {
    try {
        const auto ask = [&](const std::string& place) { return login()->sftp->space(place); };
        std::optional<net::SftpSpace> found;
        try {
            found = ask(folder.empty() ? "." : folder);
        } catch (const net::SftpError& error) {
            if (error.status() != net::SftpStatus::no_such_file) throw;
            found = ask(".");  // the folder isn't made yet
        }
        if (found) return Space{.total = found->total, .free = found->free};
    } catch (const net::SftpError&) {
        // It can't say.
    }
    return {};
}

}  // namespace kavi::store

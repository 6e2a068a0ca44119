#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>
#include <kavi/net/ssh_keys.hpp>
#include <kavi/net/ssh_libssh.hpp>
#include <kavi/net/ssh_line.hpp>
#include <kavi/net/ssh_socket.hpp>

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <new>

#include <sys/socket.h>
#include <sys/un.h>

namespace kavi::net {

namespace {

using std::chrono::milliseconds;

/// Servers may be slow here (a look-up of our name), and a key in hardware waits for its owner's touch.
constexpr milliseconds login_limit = std::chrono::seconds(60);

void initialise_libssh() {
    static std::once_flag once;
    std::call_once(once, [] {
        if (ssh_init() != SSH_OK) throw Error(errors::internal, "libssh can't be initialised");
    });
}

void set_option(ssh_session session, ssh_options_e option, const void* value) {
    if (ssh_options_set(session, option, value) != SSH_OK)
        throw Error(errors::internal, "libssh refuses an option")
            .because(fmt::format("{}: {}", static_cast<int>(option), ssh_get_error(session)));
}

/// Everything is said here, so that no file and no variable has a say.
SessionHandle make_session(const SshTarget& target, FileDescriptor socket) {
    SessionHandle handle(ssh_new());
    if (!handle) throw std::bad_alloc();
    ssh_session session = handle.get();
    const bool no = false;
    const long seconds = 30;
    const char* ciphers =
        "aes256-gcm@openssh.com,aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr,aes128-ctr";
    set_option(session, SSH_OPTIONS_PROCESS_CONFIG, &no);
    set_option(session, SSH_OPTIONS_HOST, target.host.c_str());
    set_option(session, SSH_OPTIONS_USER, target.user.c_str());
    set_option(session, SSH_OPTIONS_KNOWNHOSTS, "/dev/null");
    set_option(session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
    set_option(session, SSH_OPTIONS_CIPHERS_C_S, ciphers);
    set_option(session, SSH_OPTIONS_CIPHERS_S_C, ciphers);
    set_option(session, SSH_OPTIONS_COMPRESSION, "no");
    set_option(session, SSH_OPTIONS_TIMEOUT, &seconds);
    set_option(
        session,
        SSH_OPTIONS_HOSTKEYS,
        "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256");
    if (target.agent_socket) set_option(session, SSH_OPTIONS_IDENTITY_AGENT, target.agent_socket->c_str());
    const socket_t descriptor = socket.get();
    set_option(session, SSH_OPTIONS_FD, &descriptor);
    handle.get_deleter() = {descriptor, CloseSession::inode_of(descriptor)};
    (void)socket.release();
    ssh_set_blocking(session, 0);
    return handle;
}

std::string host_key_digest(const SshLine& line) {
    ssh_key raw = nullptr;
    if (ssh_get_server_publickey(line.session(), &raw) != SSH_OK)
        throw line.broken("the server showed no host key");
    const SshKeyHandle key(raw);
    unsigned char* hash = nullptr;
    std::size_t size = 0;
    if (ssh_get_publickey_hash(key.get(), SSH_PUBLICKEY_HASH_SHA256, &hash, &size) != 0)
        throw std::bad_alloc();
    std::string digest(reinterpret_cast<const char*>(hash), size);
    ssh_clean_pubkey_hash(&hash);
    return digest;
}

bool same_digest(const std::string& a, const std::string& b) {
    return a.size() == 32 && b.size() == 32 && CRYPTO_memcmp(a.data(), b.data(), 32) == 0;
}

void check_host_key(const SshLine& line) {
    const auto& target = line.target();
    const auto shown = host_key_digest(line);
    if (target.pins.empty())
        throw Error(errors::host_key_unpinned, fmt::format("{} has no pinned host key", target.name))
            .because(fmt::format("it showed {}, which proves nothing", fingerprint_text(shown)))
            .fix("compare it with the key on the server's own console, then pin it");
    if (std::ranges::any_of(target.pins, [&](const std::string& pin) { return same_digest(pin, shown); }))
        return;
    std::vector<std::string> pinned;
    for (const auto& pin : target.pins) pinned.push_back(fingerprint_text(pin));
    throw Error(errors::host_key_changed, fmt::format("the host key of {} isn't the pinned one", target.name))
        .because(fmt::format("it showed {}", fingerprint_text(shown)))
        .because(fmt::format("pinned: {}", join(pinned, ", ")))
        .fix("don't go on before you know why: the server was rebuilt, or somebody is in between");
}

bool agent_answers(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return false;
    std::memcpy(address.sun_path, path.data(), path.size());
    const FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return socket &&
           ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

class Login {
  public:
    Login(SshLine& line, std::stop_token stop)
        : line_(line), target_(line.target()), stop_(std::move(stop)) {}

    void run() {
        if (target_.key) return with_key(*target_.key, "the key that was given");
        if (target_.key_path) {
            auto bytes = read_file(*target_.key_path);
            return with_key(Secret::take(bytes), *target_.key_path);
        }
        with_agent();
    }

  private:
    void with_key(const Secret& text, const std::string& name) {
        const auto key = import_key(text, name);
        const auto result =
            line_.finish([&] { return ssh_userauth_publickey(line_.session(), nullptr, key.get()); },
                         SSH_AUTH_AGAIN,
                         login_limit,
                         "the login",
                         stop_);
        judge(result, fmt::format("tried {} ({})", name, digest_of(key.get())));
    }

    void with_agent() {
        if (!target_.agent_socket)
            throw refused("there is neither a key nor an agent to try")
                .fix("start an agent and add your key (ssh-add), or set a key for this server");
        if (!agent_answers(*target_.agent_socket))
            throw refused(fmt::format("no agent answers at {}", *target_.agent_socket))
                .fix("start an agent and add your key (ssh-add), or set a key for this server");
        const auto result = line_.finish([&] { return ssh_userauth_agent(line_.session(), nullptr); },
                                         SSH_AUTH_AGAIN,
                                         login_limit,
                                         "the login",
                                         stop_);
        judge(result, fmt::format("tried the agent's keys ({})", *target_.agent_socket));
    }

    SshKeyHandle import_key(const Secret& text, const std::string& name) {
        if (is_encrypted_key(text.reveal()))
            throw refused(fmt::format("{} is protected by a passphrase", name))
                .fix("add it to your agent with ssh-add, and leave the key away here");
        std::string terminated(text.reveal());  // libssh wants a terminated string
        ssh_key raw = nullptr;
        const int result = ssh_pki_import_privkey_base64(terminated.c_str(), nullptr, nullptr, nullptr, &raw);
        wipe(terminated);
        if (result != SSH_OK) throw refused(fmt::format("{} isn't a private key that can be used", name));
        return SshKeyHandle(raw);
    }

    static std::string digest_of(ssh_key key) {
        unsigned char* hash = nullptr;
        std::size_t size = 0;
        if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &size) != 0) return "unknown";
        auto text = fingerprint_text({reinterpret_cast<const char*>(hash), size});
        ssh_clean_pubkey_hash(&hash);
        return text;
    }

    void judge(int result, std::string tried) {
        if (result == SSH_AUTH_SUCCESS) return;
        if (result == SSH_AUTH_ERROR && !ssh_is_connected(line_.session()))
            throw line_.broken("the connection ended during the login");
        auto error = refused(std::move(tried));
        if (result == SSH_AUTH_PARTIAL) error.because("the server wants a second proof besides the key");
        throw error.fix("see that this key is among those that the server accepts");
    }

    Error refused(std::string why) const {
        return Error(errors::ssh_auth, fmt::format("{} refuses the login as {}", target_.name, target_.user))
            .because(std::move(why));
    }

    SshLine& line_;
    const SshTarget& target_;
    std::stop_token stop_;
};

}  // namespace

std::unique_ptr<SshSession> LibsshConnector::connect(const SshTarget& target, std::stop_token stop) {
    if (stop.stop_requested()) throw Error(errors::interrupted, "interrupted");
    initialise_libssh();
    const auto begin = std::chrono::steady_clock::now();
    SshLine line(make_session(target, dial(target, rules_, stop)), target);
    const int result = line.finish([&] { return ssh_connect(line.session()); },
                                   SSH_AGAIN,
                                   target.connect_timeout,
                                   "the key exchange",
                                   stop);
    if (result != SSH_OK) throw line.broken("the key exchange failed");
    check_host_key(line);
    Login(line, stop).run();
    const auto took = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
    if (log_) log_->connected(target, took);
    return make_ssh_session(std::move(line), log_);
}

}  // namespace kavi::net

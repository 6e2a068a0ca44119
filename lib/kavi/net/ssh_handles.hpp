#pragma once

#include <libssh/callbacks.h>
#include <libssh/libssh.h>

#include <memory>

#include <sys/stat.h>
#include <unistd.h>

namespace kavi::net {

/// Ends a session and its socket. A socket that was handed in is closed by libssh in some endings and
/// versions and not in others: it is closed here where its number still stands for the same socket.
struct CloseSession {
    int socket = -1;
    ino_t inode = 0;

    void operator()(ssh_session session) const noexcept {
        ssh_disconnect(session);
        ssh_free(session);
        if (socket >= 0 && inode_of(socket) == inode) ::close(socket);
    }

    static ino_t inode_of(int descriptor) noexcept {
        struct stat status {};

        return ::fstat(descriptor, &status) == 0 ? status.st_ino : 0;
    }
};

struct FreeChannel {
    void operator()(ssh_channel channel) const noexcept { ssh_channel_free(channel); }
};

struct FreeSshKey {
    void operator()(ssh_key key) const noexcept { ssh_key_free(key); }
};

struct FreeEvent {
    void operator()(ssh_event event) const noexcept { ssh_event_free(event); }
};

using SessionHandle = std::unique_ptr<ssh_session_struct, CloseSession>;
using ChannelHandle = std::unique_ptr<ssh_channel_struct, FreeChannel>;
using SshKeyHandle = std::unique_ptr<ssh_key_struct, FreeSshKey>;
using EventHandle = std::unique_ptr<ssh_event_struct, FreeEvent>;

}  // namespace kavi::net

#pragma once

#include "network/relay.hpp"

#include <kavi/base/files.hpp>

#include <deque>
#include <vector>

#include <poll.h>

namespace kavi::lab {

/// Closes the socket so that the other side sees a reset.
void reset_socket(FileDescriptor& socket);

/// One connection through the relay: two directions, each with what is under way in it.
class RelayConnection {
  public:
    using Time = std::chrono::steady_clock::time_point;

    RelayConnection(
        FileDescriptor client, FileDescriptor server, std::string name, int port, const RelayRule& rule);

    const std::string& name() const { return name_; }

    /// Adds what it waits for; lowers `wait` (milliseconds) to when it has something to send.
    void add_interest(std::vector<pollfd>& polled, int& wait) const;

    /// Moves what can be moved without waiting. False: it is over.
    bool pump(const RelayRule& rule);

    RelayRecord record() const;

  private:
    struct Piece {
        Time due;
        std::string bytes;
        std::size_t sent = 0;
    };

    struct Direction {
        std::deque<Piece> under_way;
        std::size_t queued = 0;
        std::uint64_t total = 0;
        bool ended = false;      ///< the sender has closed
        bool passed_on = false;  ///< and the receiver knows
        bool blocked = false;    ///< the receiver doesn't take more just now
        Time next_send{};        ///< the rate allows no earlier
    };

    bool connected();
    void receive(Direction& direction, int from, const RelayRule& rule);
    bool send(Direction& direction, int to, const RelayRule& rule);
    void reset_both();

    FileDescriptor client_, server_;
    std::string name_;
    int port_;
    bool connecting_ = true;
    bool client_spoke_last_ = false;
    bool was_cut_ = false;
    std::uint64_t flights_ = 0;
    std::chrono::system_clock::time_point started_ = std::chrono::system_clock::now();
    Time accepted_ = std::chrono::steady_clock::now();
    Time not_before_;
    Direction up_, down_;
};

}  // namespace kavi::lab

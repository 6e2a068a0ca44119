// delay_line NAMESPACE MILLISECONDS: a line between this network namespace (device far0) and another one
// (near0) on which each packet takes so long each way. Addresses are the caller's to give. Runs until it is
// ended.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iostream>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace {

using Time = std::chrono::steady_clock::time_point;

int open_device(const char* name) {
    const int fd = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    ifreq wish{};
    wish.ifr_flags = IFF_TUN | IFF_NO_PI;
    std::strncpy(wish.ifr_name, name, IFNAMSIZ - 1);
    if (fd < 0 || ::ioctl(fd, TUNSETIFF, &wish) != 0) throw std::runtime_error("no tun device");
    return fd;
}

void enter(const std::string& name) {
    const int space = ::open(("/run/netns/" + name).c_str(), O_RDONLY);
    if (space < 0 || ::setns(space, CLONE_NEWNET) != 0) throw std::runtime_error("no namespace " + name);
}

struct Packet {
    Time due;
    std::string bytes;
};

struct Way {
    int from, to;
    std::deque<Packet> packets;

    void take(std::chrono::milliseconds delay) {
        char buffer[65536];
        for (int i = 0; i < 64; ++i) {
            const auto count = ::read(from, buffer, sizeof buffer);
            if (count <= 0) return;
            packets.push_back(
                {std::chrono::steady_clock::now() + delay, {buffer, static_cast<std::size_t>(count)}});
        }
    }

    void give() {
        for (const auto now = std::chrono::steady_clock::now();
             !packets.empty() && packets.front().due <= now;
             packets.pop_front())
            if (::write(to, packets.front().bytes.data(), packets.front().bytes.size()) < 0) return;
    }
};

}  // namespace

int main(int count, char** arguments) try {
    if (count != 3) return 2;
    const std::chrono::milliseconds delay(std::atoi(arguments[2]));
    const int far = open_device("far0");
    enter(arguments[1]);
    const int near = open_device("near0");
    std::cout << "ready" << std::endl;
    Way ways[2] = {{far, near, {}}, {near, far, {}}};
    while (true) {
        auto next = std::chrono::steady_clock::now() + std::chrono::seconds(1);
        for (const auto& way : ways)
            if (!way.packets.empty()) next = std::min(next, way.packets.front().due);
        const auto left =
            std::chrono::duration_cast<std::chrono::nanoseconds>(next - std::chrono::steady_clock::now());
        const timespec wait{0, std::clamp<long>(left.count(), 0, 999'999'999)};
        pollfd polled[2] = {{far, POLLIN, 0}, {near, POLLIN, 0}};
        ::ppoll(polled, 2, &wait, nullptr);
        for (auto& way : ways) {
            way.take(delay);
            way.give();
        }
    }

} catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
}

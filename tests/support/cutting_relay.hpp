#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace kavi::test {

/// A port of 127.0.0.1 that leads to another one, and breaks: connection number i (from 0) is reset after so
/// many bytes from the client or from the server. Beyond the lists none is cut.
class CuttingRelay {
  public:
    struct Plan {
        std::vector<std::size_t> up;    ///< bytes from the client; 0: closed at once, nothing is said
        std::vector<std::size_t> down;  ///< bytes from the server
    };

    explicit CuttingRelay(int port, Plan plan = {});
    ~CuttingRelay();
    CuttingRelay(const CuttingRelay&) = delete;
    CuttingRelay& operator=(const CuttingRelay&) = delete;

    int port() const;
    int connections() const;
    /// Ends all that are open.
    void cut();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace kavi::test

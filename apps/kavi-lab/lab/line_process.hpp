#pragma once

#include <kavi/base/files.hpp>

#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace kavi::lab {

/// A program whose output is heard line by line, on a thread of its own, until this goes: then it is ended.
class LineProcess {
  public:
    LineProcess(const std::vector<std::string>& arguments, std::function<void(const std::string&)> on_line);
    ~LineProcess();
    LineProcess(const LineProcess&) = delete;
    LineProcess& operator=(const LineProcess&) = delete;

  private:
    int pid_ = -1;
    FileDescriptor output_;
    std::jthread thread_;
};

}  // namespace kavi::lab

#include "images/builder.hpp"
#include "lab/docker.hpp"

#include <cstdio>

int main() {
    const auto docker = kavi::lab::Docker::find_or_start();
    kavi::lab::build_images(docker, [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); });
}

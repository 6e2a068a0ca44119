# Everything comes from the distribution's packages. How to find each so that Debian 12, Debian 13 and
# Ubuntu 24.04 all build is explained in docs/building.md.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(CLI11 REQUIRED)
find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h REQUIRED)
if(KAVI_PORTABLE)
  include(KaviPortable)
  return()
endif()
find_package(CURL 7.88 REQUIRED)
find_package(OpenSSL 3.0 REQUIRED COMPONENTS Crypto)
find_package(ZLIB REQUIRED)
find_package(fmt REQUIRED)
pkg_check_modules(idn2 REQUIRED IMPORTED_TARGET libidn2)
pkg_check_modules(libssh REQUIRED IMPORTED_TARGET libssh>=0.10.6)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(yaml_cpp REQUIRED IMPORTED_TARGET yaml-cpp)

# Debian 12's libssh below 0.10.6-0+deb12u3, and upstream 0.10.6 and 0.11.0-0.11.4, don't check the AES-GCM
# tag properly (CVE-2026-59847). The version number can't tell a patched 0.10.6 from a plain one: ask dpkg.
if(libssh_VERSION VERSION_LESS 0.11.5)
  execute_process(COMMAND dpkg-query -W -f "\${Version}" libssh-dev
                  OUTPUT_VARIABLE libssh_package ERROR_QUIET)
  execute_process(COMMAND dpkg --compare-versions "${libssh_package}" ge "0.10.6-0+deb12u3"
                  RESULT_VARIABLE libssh_vulnerable)
  if(NOT libssh_package MATCHES "^0\\.10\\.6-" OR NOT libssh_vulnerable EQUAL 0)
    message(FATAL_ERROR "libssh ${libssh_VERSION} (${libssh_package}) has CVE-2026-59847: "
                        "install 0.11.5 or later, or Debian 12's 0.10.6-0+deb12u3 (apt-get update && apt-get upgrade)")
  endif()
endif()

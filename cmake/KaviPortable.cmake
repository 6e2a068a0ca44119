# The portable executable: needs glibc and nothing else at run time. KAVI_PORTABLE is the folder of the two libraries that
# packaging/portable-libraries builds, since Debian's archives of curl and libssh can't be linked without libraries that have no archive
# (GSSAPI, LDAP). All others are Debian's archives. Defines the targets that KaviDependencies.cmake takes from packages.
set(OPENSSL_USE_STATIC_LIBS ON)
set(ZLIB_USE_STATIC_LIBS ON)
find_package(OpenSSL 3.0 REQUIRED COMPONENTS Crypto SSL)
find_package(ZLIB REQUIRED)

# kavi_archive(TARGET NAME USES…): an imported target of libNAME.a, found in KAVI_PORTABLE first. Archives are linked after those
# that use them.
function(kavi_archive target name)
  find_library(archive lib${name}.a HINTS ${KAVI_PORTABLE}/lib REQUIRED NO_CACHE)
  add_library(${target} STATIC IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES IMPORTED_LOCATION ${archive})
  target_link_libraries(${target} INTERFACE ${ARGN})
endfunction()

kavi_archive(kavi_unistring unistring)
kavi_archive(PkgConfig::idn2 idn2 kavi_unistring)
kavi_archive(PkgConfig::zstd zstd)
kavi_archive(PkgConfig::yaml_cpp yaml-cpp)
kavi_archive(kavi_nghttp2 nghttp2)
kavi_archive(CURL::libcurl curl kavi_nghttp2 OpenSSL::SSL OpenSSL::Crypto ZLIB::ZLIB PkgConfig::idn2)
target_compile_definitions(CURL::libcurl INTERFACE CURL_STATICLIB)
target_include_directories(CURL::libcurl INTERFACE ${KAVI_PORTABLE}/include)
kavi_archive(PkgConfig::libssh ssh OpenSSL::Crypto ZLIB::ZLIB)
target_compile_definitions(PkgConfig::libssh INTERFACE LIBSSH_STATIC)
target_include_directories(PkgConfig::libssh INTERFACE ${KAVI_PORTABLE}/include)

add_library(kavi_fmt STATIC ${CMAKE_CURRENT_LIST_DIR}/portable_fmt.cpp)
add_library(fmt::fmt ALIAS kavi_fmt)
find_path(KAVI_FMT_INCLUDE_DIR fmt/format-inl.h REQUIRED)
file(STRINGS ${KAVI_FMT_INCLUDE_DIR}/fmt/core.h fmt_VERSION REGEX "#define FMT_VERSION")
string(REGEX REPLACE ".* ([0-9]+)([0-9][0-9])([0-9][0-9])$" "\\1.\\2.\\3" fmt_VERSION "${fmt_VERSION}")
string(REGEX REPLACE "\\.0([0-9])" ".\\1" fmt_VERSION "${fmt_VERSION}")
pkg_check_modules(yaml_cpp REQUIRED QUIET yaml-cpp)  # for its version alone

# A server without the AES-GCM hole (KaviDependencies.cmake), and with the keep-alive that only a libssh with its server part has.
file(STRINGS ${KAVI_PORTABLE}/lib/pkgconfig/libssh.pc libssh_VERSION REGEX "^Version: ")
string(REPLACE "Version: " "" libssh_VERSION "${libssh_VERSION}")
if(libssh_VERSION VERSION_LESS 0.11.5)
  message(FATAL_ERROR "libssh ${libssh_VERSION} in ${KAVI_PORTABLE}: 0.11.5 or later is needed")
endif()

add_compile_options(-ffunction-sections -fdata-sections)
add_link_options(-static-libstdc++ -static-libgcc -Wl,--gc-sections -Wl,--as-needed)

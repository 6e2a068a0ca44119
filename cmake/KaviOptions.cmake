# What every target of ours is compiled with. Link kavi_options privately.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(KAVI_CCACHE ccache)
if(KAVI_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${KAVI_CCACHE}")
endif()
find_program(KAVI_MOLD mold)
if(KAVI_MOLD AND NOT KAVI_SANITIZE)
  add_link_options(-fuse-ld=mold)
endif()

add_library(kavi_options INTERFACE)
target_compile_options(kavi_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wno-missing-field-initializers
  $<$<BOOL:${KAVI_DEV}>:-Werror>
  -ffile-prefix-map=${CMAKE_SOURCE_DIR}/= -ffile-prefix-map=${CMAKE_BINARY_DIR}/=)
target_compile_definitions(kavi_options INTERFACE $<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>)
if(KAVI_TEST_HOOKS)
  target_compile_definitions(kavi_options INTERFACE KAVI_TEST_HOOKS)
endif()

if(KAVI_FUZZ)
  # clang up to 18 says that its concepts are older than libstdc++ 12's std::expected wants.
  add_compile_options(-fsanitize=address,fuzzer-no-link -D__cpp_concepts=202002L -Wno-builtin-macro-redefined)
  add_link_options(-fsanitize=address)
endif()
if(KAVI_SANITIZE)
  add_compile_options(-fsanitize=${KAVI_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${KAVI_SANITIZE})
else()
  # Hardening; fortify needs optimisation.
  add_compile_options(-fstack-protector-strong -fcf-protection $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
endif()
add_link_options(-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
include(CheckPIESupported)
check_pie_supported()

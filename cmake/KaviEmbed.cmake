# kavi_embed(TARGET NAMESPACE files…): makes each file's bytes available to TARGET as
#   #include <embedded/NAMESPACE.hpp>
#   kavi::embedded::NAMESPACE() -> std::span<const kavi::embedded::File>, each {name, content}
# name is the path relative to the calling directory's BASE (default: the source tree's root).
function(kavi_embed target namespace)
  cmake_parse_arguments(arg "" "BASE" "FILES" ${ARGN})
  if(NOT arg_BASE)
    set(arg_BASE "${CMAKE_SOURCE_DIR}")
  endif()
  set(out "${CMAKE_CURRENT_BINARY_DIR}/embedded")
  set(source "${out}/${namespace}.cpp")
  set(header "${out}/embedded/${namespace}.hpp")
  list(JOIN arg_FILES "|" joined)
  add_custom_command(
    OUTPUT "${source}" "${header}"
    COMMAND "${CMAKE_COMMAND}" -D "NAMESPACE=${namespace}" -D "BASE=${arg_BASE}" -D "FILES=${joined}"
            -D "SOURCE=${source}" -D "HEADER=${header}" -P "${CMAKE_SOURCE_DIR}/cmake/embed.cmake"
    DEPENDS ${arg_FILES} "${CMAKE_SOURCE_DIR}/cmake/embed.cmake"
    COMMENT "Embedding ${namespace}"
    VERBATIM)
  target_sources(${target} PRIVATE "${source}" "${header}")
  target_include_directories(${target} PUBLIC "${out}")
endfunction()

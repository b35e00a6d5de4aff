# SPDX-License-Identifier: Apache-2.0
# Compiler settings; edgesync_layer(): one object library per folder whose link line is all the permission it has; and
# edgesync_library(): the layers as one library to link with.
include(CheckLinkerFlag)
add_library(edgesync_settings INTERFACE)
target_compile_features(edgesync_settings INTERFACE cxx_std_20)
target_compile_options(edgesync_settings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow
  $<$<BOOL:${EDGESYNC_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(edgesync_settings INTERFACE -Wno-restrict)  # false alarms on string concatenation
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")  # false alarms on std::optional below -O3
  target_compile_options(edgesync_settings INTERFACE $<$<NOT:$<CONFIG:Release>>:-Wno-maybe-uninitialized>)
endif()
# A second build of the same sources costs seconds where ccache is installed; nothing needs it.
find_program(EDGESYNC_CCACHE ccache)
if(PROJECT_IS_TOP_LEVEL AND EDGESYNC_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${EDGESYNC_CCACHE}")
endif()
if(EDGESYNC_SANITIZE)
  add_compile_options(-fsanitize=${EDGESYNC_SANITIZE} -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=${EDGESYNC_SANITIZE})
  if(EDGESYNC_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-tsan)  # Asio has fences, which ThreadSanitizer does not model
  endif()
  if(EDGESYNC_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
    if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
      add_compile_options(-fno-sanitize=function)  # breaks coroutines in clang 14
    endif()
  endif()
endif()

# edgesync_layer(NAME USES layer... LINKS target...)
function(edgesync_layer name)
  cmake_parse_arguments(PARSE_ARGV 1 layer "" "" "USES;LINKS")
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp")
  add_library(edgesync_${name} OBJECT ${sources})
  set_property(GLOBAL APPEND PROPERTY EDGESYNC_LAYERS ${name})
  set_target_properties(edgesync_${name} PROPERTIES
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON POSITION_INDEPENDENT_CODE ON)
  target_include_directories(edgesync_${name} PUBLIC
    "${PROJECT_SOURCE_DIR}/include" "${PROJECT_BINARY_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
  target_compile_definitions(edgesync_${name} PRIVATE EDGESYNC_BUILDING)
  if(NOT BUILD_SHARED_LIBS)
    target_compile_definitions(edgesync_${name} PUBLIC EDGESYNC_STATIC)
  endif()
  if(EDGESYNC_TESTS)
    target_compile_definitions(edgesync_${name} PUBLIC EDGESYNC_PLANTED_BUGS)
  endif()
  target_link_libraries(edgesync_${name} PRIVATE edgesync_settings ${layer_LINKS})
  foreach(used IN LISTS layer_USES)
    target_link_libraries(edgesync_${name} PRIVATE edgesync_${used})
  endforeach()
endfunction()

# edgesync_library(NAME [STATIC|SHARED]): all layers as the library NAME, and NAME_asio, its opt-in Asio face: a header,
# so that the library itself asks nobody for Boost. The kind defaults to what BUILD_SHARED_LIBS says.
function(edgesync_library name)
  add_library(${name} ${ARGN})
  get_property(layers GLOBAL PROPERTY EDGESYNC_LAYERS)
  foreach(layer IN LISTS layers)
    target_sources(${name} PRIVATE $<TARGET_OBJECTS:edgesync_${layer}>)
  endforeach()
  set_target_properties(${name} PROPERTIES OUTPUT_NAME edgesync EXPORT_NAME edgesync LINKER_LANGUAGE CXX
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  target_compile_features(${name} PUBLIC cxx_std_20)
  target_include_directories(${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(${name} PRIVATE SQLite::SQLite3 OpenSSL::SSL OpenSSL::Crypto Threads::Threads edgesync::zstd)
  get_target_property(kind ${name} TYPE)
  if(kind STREQUAL STATIC_LIBRARY)
    target_compile_definitions(${name} PUBLIC EDGESYNC_STATIC)
  else()
    edgesync_export_only_ours(${name})
  endif()

  add_library(${name}_asio INTERFACE)
  set_target_properties(${name}_asio PROPERTIES EXPORT_NAME asio)
  target_link_libraries(${name}_asio INTERFACE ${name}
    $<BUILD_INTERFACE:edgesync_boost> $<INSTALL_INTERFACE:Boost::headers>)
endfunction()

# Hidden visibility does not reach templates of the standard library and of Boost; a version script does.
function(edgesync_export_only_ours name)
  set(script "${PROJECT_SOURCE_DIR}/src/cmake/edgesync.map")
  check_linker_flag(CXX "-Wl,--version-script=${script}" EDGESYNC_HAS_VERSION_SCRIPT)
  if(EDGESYNC_HAS_VERSION_SCRIPT)
    target_link_options(${name} PRIVATE "-Wl,--version-script=${script}")
    set_target_properties(${name} PROPERTIES LINK_DEPENDS "${script}")
  endif()
endfunction()

# SPDX-License-Identifier: Apache-2.0
# Compiler settings, and edgesync_layer(): one object library per folder whose link line is all the permission it has.
add_library(edgesync_settings INTERFACE)
target_compile_features(edgesync_settings INTERFACE cxx_std_20)
target_compile_options(edgesync_settings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow
  $<$<BOOL:${EDGESYNC_WERROR}>:-Werror>)
if(EDGESYNC_SANITIZE)
  add_compile_options(-fsanitize=${EDGESYNC_SANITIZE} -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=${EDGESYNC_SANITIZE})
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

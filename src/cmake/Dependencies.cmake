# SPDX-License-Identifier: Apache-2.0
# Third parties. Header-only ones (Boost, msgpack) stay private to the build and are never exported.
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(SQLite3 3.37 REQUIRED)
find_package(Boost 1.81 REQUIRED CONFIG)

# zstd: the target's name changed between releases and packagers; fall back to a plain search.
find_package(zstd CONFIG QUIET)
add_library(edgesync_zstd INTERFACE)
if(TARGET zstd::libzstd)
  target_link_libraries(edgesync_zstd INTERFACE zstd::libzstd)
elseif(TARGET zstd::libzstd_shared)
  target_link_libraries(edgesync_zstd INTERFACE zstd::libzstd_shared)
else()
  find_library(EDGESYNC_ZSTD_LIBRARY zstd REQUIRED)
  find_path(EDGESYNC_ZSTD_INCLUDE zstd.h REQUIRED)
  target_link_libraries(edgesync_zstd INTERFACE "${EDGESYNC_ZSTD_LIBRARY}")
  target_include_directories(edgesync_zstd INTERFACE "${EDGESYNC_ZSTD_INCLUDE}")
endif()

# msgpack: headers only, without its Boost layer. EDGESYNC_DEPS first, then the system (Conan and vcpkg provide it there).
find_path(EDGESYNC_MSGPACK_INCLUDE msgpack.hpp PATHS "${EDGESYNC_DEPS}/msgpack/usr/include" NO_DEFAULT_PATH)
find_path(EDGESYNC_MSGPACK_INCLUDE msgpack.hpp)
if(NOT EDGESYNC_MSGPACK_INCLUDE)
  message(FATAL_ERROR "msgpack.hpp not found: run src/cmake/debian-deps.sh, or set EDGESYNC_MSGPACK_INCLUDE")
endif()
add_library(edgesync_msgpack INTERFACE)
target_include_directories(edgesync_msgpack SYSTEM INTERFACE "${EDGESYNC_MSGPACK_INCLUDE}")
target_compile_definitions(edgesync_msgpack INTERFACE MSGPACK_NO_BOOST)

add_library(edgesync_boost INTERFACE)
target_link_libraries(edgesync_boost INTERFACE Boost::headers)
target_compile_definitions(edgesync_boost INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE)

# SPDX-License-Identifier: Apache-2.0
# Third parties. Header-only ones (Boost, msgpack) stay private to the build and are never exported.
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(SQLite3 3.37 REQUIRED)
find_package(Boost 1.81 REQUIRED CONFIG)

include(edgesyncZstd)
if(NOT TARGET edgesync::zstd)
  message(FATAL_ERROR "zstd not found: install its development package (Debian: libzstd-dev)")
endif()
add_library(edgesync_zstd INTERFACE)
target_link_libraries(edgesync_zstd INTERFACE edgesync::zstd)

# msgpack: headers only, without its Boost layer. EDGESYNC_DEPS first, then wherever CMake looks (Conan and vcpkg).
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

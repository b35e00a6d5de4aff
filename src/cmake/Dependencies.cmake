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

# JSON Schema: valijson on nlohmann-json, headers only, found like msgpack. Without them JsonSchema::parse() says so.
find_path(EDGESYNC_VALIJSON_INCLUDE valijson/validator.hpp
  PATHS "${EDGESYNC_DEPS}/valijson/usr/include" NO_DEFAULT_PATH)
find_path(EDGESYNC_VALIJSON_INCLUDE valijson/validator.hpp)
find_path(EDGESYNC_NLOHMANN_INCLUDE nlohmann/json.hpp)
add_library(edgesync_json_schema INTERFACE)
if(EDGESYNC_VALIJSON_INCLUDE AND EDGESYNC_NLOHMANN_INCLUDE)
  target_include_directories(edgesync_json_schema SYSTEM INTERFACE
    "${EDGESYNC_VALIJSON_INCLUDE}" "${EDGESYNC_NLOHMANN_INCLUDE}")
  target_compile_definitions(edgesync_json_schema INTERFACE EDGESYNC_JSON_SCHEMA VALIJSON_USE_EXCEPTIONS=1)
else()
  message(STATUS "edgesync: no JSON Schema: valijson or nlohmann-json was not found")
endif()

add_library(edgesync_boost INTERFACE)
target_link_libraries(edgesync_boost INTERFACE Boost::headers)
target_compile_definitions(edgesync_boost INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE)

# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts where: the library, its headers, the CMake package, the pkg-config file and the licence.
# Nothing that is installed names msgpack, and only the opt-in Asio face names Boost.
include(CMakePackageConfigHelpers)

# edgesync_install(LIBRARY): rules for one library made by edgesync_library(), in an install component of its name.
# A second library next to the main one is left out of a plain install.
function(edgesync_install name)
  set(when COMPONENT ${name})
  if(NOT name STREQUAL "edgesync")
    list(APPEND when EXCLUDE_FROM_ALL)
  endif()
  set(generated "${PROJECT_BINARY_DIR}/package/${name}")
  set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/edgesync")

  get_target_property(kind ${name} TYPE)
  set(EDGESYNC_IS_STATIC OFF)
  set(EDGESYNC_PC_CFLAGS "")
  set(EDGESYNC_PC_THREADS "")
  set(EDGESYNC_PC_REQUIRES "")
  if(kind STREQUAL "STATIC_LIBRARY")  # whoever links it needs what it needs, with or without pkg-config's --static
    set(EDGESYNC_IS_STATIC ON)
    set(EDGESYNC_PC_CFLAGS " -DEDGESYNC_STATIC")
    set(EDGESYNC_PC_THREADS " -pthread")
    set(EDGESYNC_PC_REQUIRES "sqlite3 >= 3.37, openssl >= 3.0, libzstd")
  endif()
  file(RELATIVE_PATH EDGESYNC_PC_PREFIX "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")

  configure_package_config_file("${PROJECT_SOURCE_DIR}/src/cmake/edgesyncConfig.cmake.in"
    "${generated}/edgesyncConfig.cmake" INSTALL_DESTINATION "${package_dir}")
  write_basic_package_version_file("${generated}/edgesyncConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
  configure_file("${PROJECT_SOURCE_DIR}/src/cmake/edgesync.pc.in" "${generated}/edgesync.pc" @ONLY)

  install(TARGETS ${name} EXPORT ${name}_targets RUNTIME ${when} LIBRARY ${when} ARCHIVE ${when})
  install(TARGETS ${name}_asio EXPORT ${name}_asio_targets)
  install(EXPORT ${name}_targets FILE edgesyncTargets.cmake NAMESPACE edgesync:: DESTINATION "${package_dir}" ${when})
  install(EXPORT ${name}_asio_targets FILE edgesyncAsioTargets.cmake NAMESPACE edgesync::
    DESTINATION "${package_dir}" ${when})
  install(FILES "${generated}/edgesyncConfig.cmake" "${generated}/edgesyncConfigVersion.cmake"
    "${PROJECT_SOURCE_DIR}/src/cmake/edgesyncZstd.cmake" DESTINATION "${package_dir}" ${when})
  install(FILES "${generated}/edgesync.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" ${when})
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/edgesync" "${PROJECT_BINARY_DIR}/include/edgesync"
    DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" ${when} FILES_MATCHING PATTERN "*.hpp")
  install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DATADIR}/licenses/edgesync" ${when})
endfunction()

edgesync_install(edgesync)
if(EDGESYNC_TESTS)
  install(CODE "message(NOTICE \"edgesync was built with its tests and carries their switches: not for a package\")")
endif()

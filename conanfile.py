# SPDX-License-Identifier: Apache-2.0
"""Conan 2 recipe. Boost and msgpack are used as headers while building and do not reach the consumer; for that
reason the Asio face, edgesync/asio.hpp with edgesync::asio, is not packaged."""

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, rm, rmdir


class EdgesyncConan(ConanFile):
    name = "edgesync"
    version = "0.1.0"
    license = "Apache-2.0"
    description = "Edge-cloud synchronization: config down, data up, state on both sides"
    topics = ("edge", "synchronization", "crdt", "offline-first")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "fPIC": [True, False]}
    default_options = {"shared": False, "fPIC": True, "boost/*:header_only": True, "msgpack-cxx/*:use_boost": False}
    implements = ["auto_shared_fpic"]
    exports_sources = "CMakeLists.txt", "LICENSE", "include/*", "src/*"

    def validate(self):
        check_min_cppstd(self, 20)

    def layout(self):
        cmake_layout(self)

    def requirements(self):
        self.requires("boost/[>=1.81 <2]", transitive_headers=False, transitive_libs=False)
        self.requires("msgpack-cxx/[>=4.1 <9]", transitive_headers=False, transitive_libs=False)
        self.requires("nlohmann_json/[>=3.11 <4]", transitive_headers=False)
        self.requires("openssl/[>=3 <4]")
        self.requires("sqlite3/[>=3.37 <4]")
        self.requires("valijson/[>=1.0 <2]", transitive_headers=False)
        self.requires("zstd/[>=1.5 <2]")

    def generate(self):
        toolchain = CMakeToolchain(self)
        for option in ("TESTS", "EXAMPLES", "BENCH", "WERROR"):
            toolchain.cache_variables[f"EDGESYNC_{option}"] = False
        toolchain.cache_variables["EDGESYNC_INSTALL"] = True
        toolchain.generate()
        CMakeDeps(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", self.source_folder, f"{self.package_folder}/licenses")
        CMake(self).install()
        rm(self, "asio.hpp", f"{self.package_folder}/include/edgesync")
        rmdir(self, f"{self.package_folder}/lib/cmake")
        rmdir(self, f"{self.package_folder}/lib/pkgconfig")
        rmdir(self, f"{self.package_folder}/share")

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "edgesync")
        self.cpp_info.set_property("cmake_target_name", "edgesync::edgesync")
        self.cpp_info.set_property("pkg_config_name", "edgesync")
        self.cpp_info.libs = ["edgesync"]
        if not self.options.shared:
            self.cpp_info.defines = ["EDGESYNC_STATIC"]
        if self.settings.os in ("Linux", "FreeBSD"):
            self.cpp_info.system_libs = ["pthread"]

// SPDX-License-Identifier: Apache-2.0
// Dir: a directory of its own for the databases of one measurement. It lies where the program runs, which should be a
// real disk: in memory, a sync costs nothing.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

namespace edgesync {

class Dir {
 public:
  Dir() {
    std::string name = (std::filesystem::current_path() / "bench-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Dir() { std::filesystem::remove_all(path_); }
  Dir(const Dir&) = delete;
  Dir& operator=(const Dir&) = delete;
  const std::string& path() const noexcept { return path_; }
  std::string file(const std::string& name = "bench.db") const { return path_ + '/' + name; }

 private:
  std::string path_;
};

}  // namespace edgesync

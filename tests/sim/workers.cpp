// SPDX-License-Identifier: Apache-2.0
// Campaign: the processes of one. Each counts in memory that all share; the first one adds up.
#include "sim/campaign.hpp"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <new>
#include <system_error>

namespace edgesync::sim {
namespace {

/// Tallies that child processes write and this one reads.
class SharedTallies {
 public:
  explicit SharedTallies(std::size_t count) : bytes_(count * sizeof(Tally)) {
    void* memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    tallies_ = static_cast<Tally*>(memory);
    for (std::size_t i = 0; i < count; ++i) new (&tallies_[i]) Tally();
  }
  ~SharedTallies() { munmap(tallies_, bytes_); }
  SharedTallies(const SharedTallies&) = delete;
  SharedTallies& operator=(const SharedTallies&) = delete;
  Tally& operator[](std::size_t number) noexcept { return tallies_[number]; }

 private:
  std::size_t bytes_;
  Tally* tallies_ = nullptr;
};

pid_t start(const Campaign& campaign, std::uint64_t number, Tally& tally) {
  const pid_t child = fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child > 0) return child;
  Campaign mine = campaign;
  mine.first += number;
  mine.count = campaign.count > number ? campaign.count - number : 0;
  play_some(mine, campaign.jobs, tally);
  std::fflush(stdout);
  _exit(0);
}

void note_death(const Campaign& campaign, int status, Tally& tally) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  ++tally.violations;
  tally.first_failing = tally.playing;
  std::snprintf(tally.text.data(), tally.text.size(),
                "seed %llu: the process died, signal %d\n  reproduce: %s --seed=%llu",
                static_cast<unsigned long long>(tally.playing), signal, campaign.program.c_str(),
                static_cast<unsigned long long>(tally.playing));
  if (campaign.print) std::puts(tally.text.data());
}

}  // namespace

Tally play_in_processes(const Campaign& campaign) {
  SharedTallies tallies(campaign.jobs);
  std::fflush(stdout);
  std::vector<pid_t> children;
  for (unsigned i = 0; i < campaign.jobs; ++i) children.push_back(start(campaign, i, tallies[i]));
  Tally sum;
  for (std::size_t i = 0; i < children.size(); ++i) {
    int status = 0;
    waitpid(children[i], &status, 0);
    note_death(campaign, status, tallies[i]);
    sum.add(tallies[i]);
  }
  return sum;
}

}  // namespace edgesync::sim

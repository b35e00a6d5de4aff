// SPDX-License-Identifier: Apache-2.0
// Lesson 8: who may do what. A device makes its key itself, brings it with a code that is good once, writes where its
// role lets it and nowhere else, and is out as soon as it is revoked. Hub and devices share one process. Usage:
// 8_access DIRECTORY
#include <edgesync/edgesync.hpp>

#include <condition_variable>
#include <cstdio>
#include <deque>
#include <mutex>
#include <stdexcept>

namespace es = edgesync;
using namespace std::chrono_literals;

namespace {

/// Waits for what handlers on another thread are told.
class Word {
 public:
  void say(std::string text) {
    const std::lock_guard lock(mutex_);
    texts_.push_back(std::move(text));
    said_.notify_one();
  }
  std::string wait() {
    std::unique_lock lock(mutex_);
    if (!said_.wait_for(lock, 10s, [&] { return !texts_.empty(); })) throw std::runtime_error("nothing was said");
    std::string text = std::move(texts_.front());
    texts_.pop_front();
    return text;
  }

 private:
  std::mutex mutex_;
  std::condition_variable said_;
  std::deque<std::string> texts_;
};

es::Hub open_hub(const std::string& directory, const std::shared_ptr<es::Loopback>& loopback) {
  es::HubOptions options;
  options.node = {.database = directory + "/hub.db", .name = "hub"};
  options.loopback = loopback;
  options.access = true;  // nobody but whom the list in the hub's database names
  return es::Hub::open(std::move(options)).value();
}

es::LinkOptions to(const std::shared_ptr<es::Loopback>& loopback, const es::SigningKey& key, std::string code) {
  es::LinkOptions options;
  options.loopback = loopback;
  options.key = key;
  options.token = [code = std::move(code)] { return code; };
  return options;
}

void run(const std::string& directory) {
  const auto loopback = es::make_loopback();
  auto hub = open_hub(directory, loopback);
  es::AccessList list(hub);  // a state scope: it may as well be edited from a desk that is linked
  list.allow("gateway", {es::Access::read_write, {}, "plant/{name}/*"}).value();
  const auto tomorrow = std::chrono::time_point_cast<es::Timestamp::duration>(std::chrono::system_clock::now() + 24h);
  const std::string code = list.claim({"gw-1", {"gateway"}}, tomorrow).value();

  const auto key = es::SigningKey::generate().value();  // made on the device, and never anywhere else
  auto device = es::Node::open({.database = directory + "/gw-1.db", .name = "gw-1"}).value();
  Word word;
  const auto events = device.on_event([&](const es::Event& event) {
    if (event.kind == es::EventKind::rejected || event.kind == es::EventKind::unlinked) word.say(event.error.detail);
  });
  device.state("plant/gw-1/twin").set("rpm", 1480).value();
  device.link(to(loopback, key, code)).value();
  device.flush(10s).value();
  std::printf("gw-1 is enrolled: its key is %s...\n", list.devices().value()[0].keys[0].substr(0, 8).c_str());

  device.state("plant/gw-2/twin").set("rpm", 0).value();
  std::printf("somebody else's twin: %s\n", word.wait().c_str());

  list.revoke("gw-1", "stolen").value();
  std::printf("revoked: %s\n", word.wait().c_str());
  std::printf("and from then on: %s\n", word.wait().c_str());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: 8_access DIRECTORY\n", stderr), 2;
  try {
    run(argv[1]);
  } catch (const std::exception& failure) {
    return std::fprintf(stderr, "8_access: %s\n", failure.what()), 1;
  }
}

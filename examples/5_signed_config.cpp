// SPDX-License-Identifier: Apache-2.0
// Lesson 5: who may say what should be. Versions are signed on a machine of their own; whoever carries them, a hub or
// a USB stick, cannot author one, and a node takes nothing that its root does not vouch for. Two of three people must
// agree on the critical scope. Usage: 5_signed_config DIRECTORY
#include <edgesync/edgesync.hpp>

#include <condition_variable>
#include <cstdio>
#include <stdexcept>

namespace es = edgesync;

namespace {

/// What would be done at the desk of the one who releases: no database, no network.
struct Desk {
  es::SigningKey master = es::SigningKey::generate().value();
  es::SigningKey ann = es::SigningKey::generate().value(), bob = es::SigningKey::generate().value();

  es::Bytes root() const {
    es::RootDraft draft;
    draft.root = {1, {master.id()}};
    draft.scopes["plant-7"] = {1, {ann.id(), bob.id()}};
    draft.scopes["safety/*"] = {2, {ann.id(), bob.id(), master.id()}};
    return es::sign(es::make_root(draft).value(), master).value();
  }
  es::Bytes release(const std::string& scope, std::uint64_t number, int rpm) const {
    es::ReleaseDraft draft;
    draft.scope = scope;
    draft.number = number;
    draft.content = {{"limits/max_rpm", rpm}};
    return es::make_release(draft).value();
  }
};

void expect(bool held, const char* what) {
  if (!held) throw std::runtime_error(what);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: 5_signed_config DIRECTORY\n", stderr), 2;
  try {
    const Desk desk;
    std::mutex mutex;
    std::condition_variable heard;
    int active = 0;
    auto node =
        es::Node::open({.database = std::string(argv[1]) + "/signed.db", .name = "gw-17", .config_root = desk.root()})
            .value();
    const auto events = node.on_event([&](const es::Event& event) {
      if (event.kind != es::EventKind::activated) return;
      const std::lock_guard lock(mutex);
      ++active;
      heard.notify_one();
    });
    const auto wait_for = [&](int versions) {
      std::unique_lock lock(mutex);
      expect(heard.wait_for(lock, std::chrono::seconds(10), [&] { return active == versions; }),
             "nothing was activated");
    };

    auto plant = node.config("plant-7");
    const es::Bytes unsigned_one = desk.release("plant-7", 1, 9000);
    std::printf("unsigned:  %s\n", plant.publish_signed(unsigned_one).error().detail.c_str());
    plant.publish_signed(es::sign(desk.release("plant-7", 1, 1200), desk.ann).value()).value();
    wait_for(1);

    auto safety = node.config("safety/press");
    const es::Bytes half = es::sign(desk.release("safety/press", 1, 300), desk.ann).value();
    std::printf("one of two: %s\n", safety.publish_signed(half).error().detail.c_str());
    safety.publish_signed(es::sign(half, desk.bob).value()).value();
    wait_for(2);

    expect(plant.get("limits/max_rpm").value() == es::Value(1200), "plant-7 should be at 1200");
    expect(safety.get("limits/max_rpm").value() == es::Value(300), "the press should be at 300");
    expect(!plant.publish([](es::Edit& edit) { edit.set("limits/max_rpm", 1); }), "a node is no author here");
    std::printf("active: plant-7 at 1200, the press at 300\n");
  } catch (const std::exception& failure) {
    return std::fprintf(stderr, "5_signed_config: %s\n", failure.what()), 1;
  }
}

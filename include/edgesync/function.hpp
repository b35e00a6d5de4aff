// SPDX-License-Identifier: Apache-2.0
// Function: a small move-only std::function, so that handlers may own what they capture.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace edgesync {

template <class Signature>
class Function;

/// Holds any callable R(Args...), or nothing. Thread safety: none of its own.
template <class R, class... Args>
class Function<R(Args...)> {
 public:
  Function() = default;
  Function(std::nullptr_t) noexcept {}

  template <class F>
  requires(!std::is_same_v<std::decay_t<F>, Function> && std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
      Function(F&& callable)
      : target_(std::make_unique<Holder<std::decay_t<F>>>(std::forward<F>(callable))) {}

  explicit operator bool() const noexcept { return target_ != nullptr; }

  /// Requires: holds a callable.
  R operator()(Args... args) const { return target_->call(std::forward<Args>(args)...); }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual R call(Args... args) = 0;
  };
  template <class F>
  struct Holder final : Base {
    template <class G>
    explicit Holder(G&& callable) : callable_(std::forward<G>(callable)) {}
    R call(Args... args) override { return static_cast<R>(callable_(std::forward<Args>(args)...)); }
    F callable_;
  };
  std::unique_ptr<Base> target_;
};

}  // namespace edgesync

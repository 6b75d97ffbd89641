#pragma once
// An owned descriptor of the operating system.

#include <utility>

namespace brood::platform {

/// Moves a descriptor to a number above 2: a program whose stdin, stdout or stderr is closed must not find
/// one of brood's descriptors there. Negative numbers are returned unchanged.
int above_standard(int descriptor);

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~Descriptor() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

}  // namespace brood::platform

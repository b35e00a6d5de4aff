// SPDX-License-Identifier: Apache-2.0
#include "sim/image.hpp"

#include <algorithm>
#include <cstring>

namespace edgesync::sim {

std::byte* Image::own(std::size_t page) {
  std::shared_ptr<Page>& held = pages_[page];
  if (!held) held = std::make_shared<Page>();
  if (held.use_count() > 1) held = std::make_shared<Page>(*held);
  return held->data();
}

void Image::resize(std::size_t size) {
  const std::size_t wanted = (size + page_bytes - 1) / page_bytes;
  if (size < size_ && size % page_bytes != 0) {
    std::byte* last = own(wanted - 1);
    std::fill(last + size % page_bytes, last + page_bytes, std::byte{0});
  }
  pages_.resize(wanted);
  size_ = size;
}

void Image::write(std::size_t offset, ByteView data) {
  if (!data.empty() && offset + data.size() > size_) resize(offset + data.size());
  while (!data.empty()) {
    const std::size_t within = offset % page_bytes, count = std::min(data.size(), page_bytes - within);
    std::memcpy(own(offset / page_bytes) + within, data.data(), count);
    data = data.subspan(count);
    offset += count;
  }
}

std::size_t Image::read(std::size_t offset, std::span<std::byte> out) const {
  if (offset >= size_) return 0;
  const std::size_t got = std::min(out.size(), size_ - offset);
  for (std::size_t done = 0; done < got;) {
    const std::size_t within = (offset + done) % page_bytes, count = std::min(got - done, page_bytes - within);
    const Page* page = pages_[(offset + done) / page_bytes].get();
    if (page == nullptr)
      std::memset(out.data() + done, 0, count);
    else
      std::memcpy(out.data() + done, page->data() + within, count);
    done += count;
  }
  return got;
}

void Image::take(const Image& from, std::size_t offset, std::size_t bytes) {
  if (bytes == 0) return;
  for (std::size_t page = offset / page_bytes; page <= (offset + bytes - 1) / page_bytes; ++page)
    pages_[page] = from.pages_[page];
}

void Image::flip(std::size_t offset, unsigned bit) {
  own(offset / page_bytes)[offset % page_bytes] ^= std::byte{static_cast<unsigned char>(1u << bit)};
}

}  // namespace edgesync::sim

// SPDX-License-Identifier: Apache-2.0
// The environment of a database: what tells this machine and this file from a copy of both. Chosen so that what a
// device lives through does not change it (a reboot, another kernel, another network, the file moved within its file
// system) and what makes two of one does (a cloned disk or card in another board, a copied or restored file).
//
//   machine  /etc/machine-id. Not in a container, whose runtime may draw it anew at each start.
//   board    the product's UUID or the device tree's serial number; readable for root only on some systems.
//   disk     the card's CID, or the serial number or WWID of the disk that the file lies on.
//   file     file system id, inode and time of birth: a copy has its own, even if it takes the original's name.
//
// A fact that cannot be read is left out, and then is not compared. Nothing here fails.
#pragma once

#include <edgesync/options.hpp>

#include <string>

namespace edgesync::node {

/// Requires: the file exists, else its facts are left out.
Environment environment_of(const std::string& database);

/// Which of its boots the machine lives through; 0: the system does not say.
std::uint64_t boot_of_machine();

}  // namespace edgesync::node

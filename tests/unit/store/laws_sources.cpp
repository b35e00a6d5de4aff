// SPDX-License-Identifier: Apache-2.0
// The oracle and the random histories of the laws of replication, for the store to stand behind.
#include "laws/history.cpp"
#include "laws/oracle.cpp"

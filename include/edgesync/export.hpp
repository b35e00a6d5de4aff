// SPDX-License-Identifier: Apache-2.0
// The one macro of edgesync: what a shared library shows. Everything else is hidden. EDGESYNC_STATIC says that the
// library is linked statically; it matters on Windows only, so that elsewhere the same objects make both kinds.
#pragma once

#if !defined(_WIN32)
#define EDGESYNC_EXPORT [[gnu::visibility("default")]]
#elif defined(EDGESYNC_STATIC)
#define EDGESYNC_EXPORT
#elif defined(EDGESYNC_BUILDING)
#define EDGESYNC_EXPORT __declspec(dllexport)
#else
#define EDGESYNC_EXPORT __declspec(dllimport)
#endif

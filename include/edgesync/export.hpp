// SPDX-License-Identifier: Apache-2.0
// The one macro of edgesync: what a shared library shows. Everything else is hidden.
#pragma once

#if defined(EDGESYNC_STATIC)
#define EDGESYNC_EXPORT
#elif defined(_WIN32)
#if defined(EDGESYNC_BUILDING)
#define EDGESYNC_EXPORT __declspec(dllexport)
#else
#define EDGESYNC_EXPORT __declspec(dllimport)
#endif
#else
#define EDGESYNC_EXPORT [[gnu::visibility("default")]]
#endif

// SPDX-License-Identifier: Apache-2.0
// Whether this build carries a sanitizer, whose shadow memory no address limit allows and whose run
// time makes system calls of its own. Tests of memory limits pass over such builds.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED_ADDRESS 1
#endif
#if __has_feature(thread_sanitizer)
#define SANITIZED_THREADS 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(SANITIZED_ADDRESS)
#define SANITIZED_ADDRESS 1
#endif
#if defined(__SANITIZE_THREAD__) && !defined(SANITIZED_THREADS)
#define SANITIZED_THREADS 1
#endif

#ifndef SANITIZED_ADDRESS
#define SANITIZED_ADDRESS 0
#endif
#ifndef SANITIZED_THREADS
#define SANITIZED_THREADS 0
#endif

#define SANITIZED (SANITIZED_ADDRESS || SANITIZED_THREADS)

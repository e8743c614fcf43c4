// SPDX-License-Identifier: Apache-2.0
// Inside of streams: what carries the bytes (a socket, TLS over one, a script of a test) behind a
// table of operations that never wait, and the waiting in one place.
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "dimse/stream.h"

enum stream_io { STREAM_DONE, STREAM_WANT_READ, STREAM_WANT_WRITE, STREAM_ENDED, STREAM_FAILED };

struct stream_ops {
    // STREAM_DONE: *ret_len is at least 1. STREAM_FAILED: *e is set.
    enum stream_io (*read)(struct dimse_stream *s, void *bytes, size_t len, size_t *ret_len,
                           struct err *e);
    enum stream_io (*write)(struct dimse_stream *s, const struct iovec *pieces, int count,
                            size_t *ret_len, struct err *e);
    bool (*ready)(struct dimse_stream *s);
    void (*end)(struct dimse_stream *s); // says goodbye and frees `inner`; NULL: nothing to do
};

#define STREAM_HOST_TEXT 64
#define STREAM_PEER_TEXT (STREAM_HOST_TEXT + 16)
// Who waits for the peer waits at most the timeout for each so many bytes: a byte now and then is
// no progress.
#define STREAM_PROGRESS_BYTES 16384u
#define STREAM_SLICE_MS 200 // how long a broken stream may still wait to write

struct dimse_stream {
    const struct stream_ops *ops;
    void *inner; // of ops: TLS session
    int fd;      // -1: a script
    atomic_bool broken;
    atomic_uint references;
    pthread_mutex_t lock; // fd against break
    char host[STREAM_HOST_TEXT];
    char peer[STREAM_PEER_TEXT];
};

extern const struct stream_ops stream_plain;

// Takes over the descriptor, also when it fails; it will not block from now on.
int stream_new(int fd, struct dimse_stream **ret_stream, struct err *e);
// A stream that is no socket: `ops` work on `inner` and never want to wait.
int stream_scripted(const struct stream_ops *ops, void *inner, struct dimse_stream **ret_stream,
                    struct err *e);

void stream_name_peer(struct dimse_stream *s); // once it is connected

// Another holder, so that it may break the stream at any time; the descriptor is closed by
// dimse_stream_close, the memory freed by the last holder.
struct dimse_stream *stream_ref(struct dimse_stream *s);
void stream_unref(struct dimse_stream *s); // NULL allowed

// Until the descriptor is ready or *left_ms, which counts down, is used up. E_TIMEOUT, E_CANCELLED.
int stream_wait(struct dimse_stream *s, bool to_write, uint32_t *left_ms, struct err *e);

// Once, without waiting, also on a broken stream: an A-ABORT before it closes.
void stream_last_word(struct dimse_stream *s, struct slice bytes);

// Makes a plain stream a secure one (tls.c). `host`: whom a client asked for; NULL: server.
int stream_secure(struct dimse_stream *s, struct dimse_tls *tls, const char *host,
                  uint32_t timeout_ms, struct err *e);
bool stream_tls_certificate(const struct dimse_stream *s, struct hash *ret_fingerprint);
extern const struct stream_ops stream_tls;

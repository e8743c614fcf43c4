// SPDX-License-Identifier: Apache-2.0
// Files: mapping, whole reads with a limit, durable writes, folders in a fixed order.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/slice.h"

struct err;
struct buf;

// A read-only mapping of a whole regular file. Zero-initialise; release with file_unmap.
struct file_map {
    struct slice bytes;
    void *address;
    size_t len;
};

int file_map_path(const char *path, struct file_map *ret_map, struct err *e);
int file_map_fd(int fd, struct file_map *ret_map, struct err *e); // fd stays the caller's
void file_unmap(struct file_map *m);

static inline void cleanup_file_map(struct file_map *m) { file_unmap(m); }

// Appends the whole file to `out`; E_LIMIT when it does not fit.
int file_read(const char *path, struct buf *out, struct err *e);

// Writes all bytes, again after short writes and EINTR. 0 or -1 with errno.
int file_write_all(int fd, const void *bytes, size_t len);
int file_pread_all(int fd, void *out, size_t len, uint64_t offset); // short file: -1, errno EIO

// The file at dir_fd/name has exactly these bytes, synced with its folder, or is as it was before:
// a temporary name, fsync, rename, fsync of the folder.
int file_write_durable(int dir_fd, const char *name, struct slice bytes, mode_t mode,
                       struct err *e);

int file_sync_dir(int dir_fd, struct err *e);

// mkdir -p with the mode for each new folder; no error when it is there.
int file_make_dirs(const char *path, mode_t mode, struct err *e);

// Calls visit(path, context) for each regular file at or below `path`, in bytewise order of names,
// following no symbolic link but `path` itself. A visit that answers non-zero ends the walk, which
// returns that. Unreadable folders are reported through `unreadable` (may be NULL) and passed over.
// Depth limit FILE_WALK_DEPTH_MAX.
#define FILE_WALK_DEPTH_MAX 64
struct file_walk {
    int (*visit)(const char *path, void *context);
    void (*unreadable)(const char *path, const struct err *why, void *context);
    void *context;
};
int file_walk(const char *path, const struct file_walk *walk, struct err *e);

// SPDX-License-Identifier: Apache-2.0
#include "policy/audit_tail.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

bool audit_tail_of(struct slice file, struct audit_line *ret_line, size_t *ret_end) {
    size_t end = file.len;
    *ret_end = 0;
    while (end > 0) {
        const uint8_t *newline = memrchr(file.ptr, '\n', end);
        if (newline == NULL) {
            return false;
        }
        size_t line_end = (size_t)(newline - file.ptr);
        const uint8_t *before = line_end > 0 ? memrchr(file.ptr, '\n', line_end) : NULL;
        size_t start = before == NULL ? 0 : (size_t)(before - file.ptr) + 1;
        if (audit_line_parse(slice_of(file.ptr + start, line_end - start), ret_line)) {
            *ret_end = line_end + 1;
            return true;
        }
        end = line_end;
    }
    return false;
}

static int look_into(int dir_fd, const char *name, struct audit_line *ret_line, bool *ret_found,
                     struct err *e) {
    CLEANUP(cleanup_fd) int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    CLEANUP(cleanup_file_map) struct file_map map = {0};
    if (fd < 0) {
        return err_set_errno(e, errno, "cannot open the audit log %s", name);
    }
    size_t end;
    if (file_map_fd(fd, &map, e) != E_OK) {
        return e->code;
    }
    *ret_found = audit_tail_of(map.bytes, ret_line, &end);
    return E_OK;
}

int audit_tail_find(int dir_fd, const struct audit_files *files, struct audit_line *ret_line,
                    struct err *e) {
    bool found = false;
    for (size_t i = files->count; i > 0 && !found; i--) {
        if (look_into(dir_fd, files->names[i - 1], ret_line, &found, e) != E_OK) {
            return e->code;
        }
    }
    if (!found) {
        *ret_line = (struct audit_line){0};
    }
    return E_OK;
}

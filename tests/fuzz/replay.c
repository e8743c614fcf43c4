// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target once over each file of the folders named, so that the corpus is part of the
// ordinary tests under every compiler. An absent folder is an empty corpus: the target still runs
// on the empty input.
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int replay(const char *path, void *context) {
    struct file_map map = {0};
    struct err e = {0};
    if (file_map_path(path, &map, &e) != E_OK) {
        fprintf(stderr, "cannot read %s\n", path);
        return 1;
    }
    (void)LLVMFuzzerTestOneInput(map.bytes.ptr, map.bytes.len);
    file_unmap(&map);
    ++*(size_t *)context;
    return 0;
}

int main(int argc, char **argv) {
    size_t count = 0;
    (void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++) {
        struct err e = {0};
        struct file_walk walk = {.visit = replay, .context = &count};
        int rc = file_walk(argv[i], &walk, &e);
        if (rc != 0 && rc != E_NOT_FOUND) {
            return 1;
        }
    }
    printf("%zu inputs replayed\n", count);
    return 0;
}

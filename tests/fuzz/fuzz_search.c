// SPDX-License-Identifier: Apache-2.0
// Keys of a search as SQL: whatever their values, the statement is one that the database
// understands, and nothing of a value gets into its text. First byte: level and fuzzy; then for
// each key a byte for the attribute, a byte for the length, the value.
#include <stdlib.h>
#include <unistd.h>

#include "archive/schema.h"
#include "archive/search.h"
#include "base/err.h"
#include "db/db.h"

#define KEYS 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct db *open_once(void) {
    static struct db *db;
    char path[] = "/tmp/maclab-fuzz-search-XXXXXX";
    struct err e = {0};
    if (db != NULL) {
        return db;
    }
    int fd = mkstemp(path);
    if (fd < 0 || db_open(path, DB_READ_WRITE, &db, &e) != E_OK || schema_bring(db, &e) != E_OK) {
        abort();
    }
    (void)close(fd);
    (void)unlink(path);
    return db;
}

static int ignore(const struct search_row *row, void *context) {
    (void)row;
    (void)context;
    return 0;
}

static size_t attribute_count(void) {
    size_t count = 0;
    while (search_attributes(count) != NULL) {
        count++;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct slice rest = slice_of(data, len);
    struct search_key keys[KEYS];
    struct search_query q = {.keys = keys, .limit = 3};
    size_t attributes = attribute_count();
    if (len == 0) {
        return 0;
    }
    q.level = (enum search_level)(data[0] % 3);
    q.fuzzy = (data[0] & 0x80) != 0;
    for (rest = slice_from(rest, 1); rest.len >= 2 && q.key_count < KEYS;) {
        struct slice value = slice_first(slice_from(rest, 2), rest.ptr[1]);
        keys[q.key_count].tag = search_attributes(rest.ptr[0] % attributes)->tag;
        keys[q.key_count++].value = value;
        rest = slice_from(rest, 2 + value.len);
    }
    struct err e = {0};
    int rc = search_run(open_once(), &q, ignore, NULL, NULL, &e);
    if (rc != E_OK && rc != E_ARGUMENT && rc != E_LIMIT) {
        abort();
    }
    return 0;
}

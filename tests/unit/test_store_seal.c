// SPDX-License-Identifier: Apache-2.0
// The encrypted quarantine: what was changed, moved, exchanged, cut or read with another key is
// found; what was destroyed stays so.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "store/held.h"
#include "store/inbox.h"
#include "store/seal.h"
#include "store/store.h"

static char dir[64];

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where) {
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

static int set_up(void **state) {
    struct store *s = NULL;
    struct err e = {0};
    (void)snprintf(dir, sizeof dir, "/tmp/maclab-seal-XXXXXX");
    if (mkdtemp(dir) == NULL || store_open(dir, &s, &e) != E_OK) {
        return -1;
    }
    *state = s;
    return 0;
}

static int tear_down(void **state) {
    store_close(*state);
    return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct seal_name name_of(uint64_t number) {
    struct seal_name name = {.number = number};
    (void)snprintf(name.delivery, sizeof name.delivery, "0123456789abcdef");
    return name;
}

static uint8_t *pattern(size_t len) {
    uint8_t *bytes = mem_alloc(len + 1);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(i * 31 + i / 251);
    }
    return bytes;
}

static int sealed(const struct seal_key *k, const struct seal_name *name, const uint8_t *bytes,
                  size_t len, size_t piece) {
    struct seal_writer *w = NULL;
    struct err e = {0};
    int fd = memfd_create("sealed", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(seal_writer_new(k, name, &w, &e), E_OK);
    for (size_t at = 0; at < len; at += piece) {
        size_t n = len - at < piece ? len - at : piece;
        assert_int_equal(seal_write(w, fd, bytes + at, n, &e), E_OK);
    }
    assert_int_equal(seal_end(w, fd, &e), E_OK);
    seal_writer_free(w);
    return fd;
}

static uint64_t size_of(int fd) {
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    return (uint64_t)st.st_size;
}

static int opened(const struct seal_key *k, const struct seal_name *name, int fd, uint64_t len) {
    struct err e = {0};
    uint64_t plain = 0;
    int out = -1;
    int rc = seal_read_memory(k, name, fd, len, &out, &plain, &e);
    if (rc == E_OK) {
        (void)close(out);
    }
    return rc;
}

static void every_length_comes_back(void **state) {
    (void)state;
    static const size_t lengths[] = {0,      1,      65535,  65536,  65537,
                                     131071, 131072, 131073, 300000, 1000000};
    static const size_t pieces[] = {1 << 20, 65536, 4099};
    struct seal_key *k = seal_key_new();
    struct seal_name name = name_of(7);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (size_t p = 0; p < sizeof pieces / sizeof pieces[0]; p++) {
            uint8_t *bytes = pattern(lengths[i]), *back = mem_alloc(lengths[i] + 1);
            struct err e = {0};
            uint64_t plain = 1;
            int out = -1;
            int fd = sealed(k, &name, bytes, lengths[i], pieces[p]);
            assert_int_equal(size_of(fd), seal_file_len(lengths[i]));
            assert_int_equal(seal_read_memory(k, &name, fd, size_of(fd), &out, &plain, &e), E_OK);
            assert_int_equal(plain, lengths[i]);
            assert_int_equal(size_of(out), lengths[i]);
            assert_int_equal(fcntl(out, F_GETFL) & O_ACCMODE, O_RDONLY);
            assert_int_equal(file_pread_all(out, back, lengths[i], 0), 0);
            assert_memory_equal(back, bytes, lengths[i]);
            (void)close(out);
            (void)close(fd);
            mem_free(bytes);
            mem_free(back);
        }
    }
    seal_key_free(k);
}

static void what_is_not_as_it_was_is_found(void **state) {
    (void)state;
    struct seal_key *k = seal_key_new(), *other = seal_key_new();
    struct seal_name name = name_of(7), elsewhere = name_of(8), another = name_of(7);
    another.delivery[0] = 'f';
    uint8_t *bytes = pattern(200000), *all = mem_alloc(seal_file_len(200000));
    int fd = sealed(k, &name, bytes, 200000, 65536);
    uint64_t len = size_of(fd);
    assert_int_equal(opened(k, &name, fd, len), E_OK);
    assert_int_equal(opened(other, &name, fd, len), E_CORRUPT);  // another key
    assert_int_equal(opened(k, &elsewhere, fd, len), E_CORRUPT); // as another item
    assert_int_equal(opened(k, &another, fd, len), E_CORRUPT);   // as another delivery's
    // Each byte of the head, and some of each chunk, of its tag, and of the last one.
    for (uint64_t at = 0; at < len; at += at < SEAL_HEAD_LEN ? 1 : 9973) {
        uint8_t byte, wrong;
        assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
        wrong = byte ^ 0x10;
        assert_int_equal(pwrite(fd, &wrong, 1, (off_t)at), 1);
        assert_int_equal(opened(k, &name, fd, len), E_CORRUPT);
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    }
    // Cut behind each whole chunk, and anywhere.
    uint64_t chunk = SEAL_CHUNK + SEAL_TAG_LEN;
    for (uint64_t n = 1; SEAL_HEAD_LEN + n * chunk < len; n++) {
        assert_int_equal(opened(k, &name, fd, SEAL_HEAD_LEN + n * chunk), E_CORRUPT);
    }
    assert_int_equal(opened(k, &name, fd, len - 1), E_CORRUPT);
    assert_int_equal(opened(k, &name, fd, SEAL_HEAD_LEN), E_CORRUPT);
    assert_int_equal(opened(k, &name, fd, 0), E_CORRUPT);
    // Chunks exchanged, and one repeated.
    assert_int_equal(file_pread_all(fd, all, (size_t)len, 0), 0);
    assert_int_equal(pwrite(fd, all + SEAL_HEAD_LEN + chunk, chunk, SEAL_HEAD_LEN), chunk);
    assert_int_equal(opened(k, &name, fd, len), E_CORRUPT);
    assert_int_equal(pwrite(fd, all + SEAL_HEAD_LEN, chunk, (off_t)(SEAL_HEAD_LEN + chunk)), chunk);
    assert_int_equal(opened(k, &name, fd, len), E_CORRUPT);
    (void)close(fd);
    mem_free(all);
    mem_free(bytes);
    seal_key_free(other);
    seal_key_free(k);
}

// The same bytes twice are two different files.
static void equal_bytes_do_not_look_equal(void **state) {
    (void)state;
    struct seal_key *k = seal_key_new();
    struct seal_name name = name_of(1);
    uint8_t one[2000], two[2000];
    uint8_t *bytes = pattern(1900);
    int a = sealed(k, &name, bytes, 1900, 1900), b = sealed(k, &name, bytes, 1900, 1900);
    assert_int_equal(file_pread_all(a, one, seal_file_len(1900), 0), 0);
    assert_int_equal(file_pread_all(b, two, seal_file_len(1900), 0), 0);
    assert_memory_not_equal(one + SEAL_HEAD_LEN, two + SEAL_HEAD_LEN, 1900);
    assert_memory_not_equal(one + SEAL_HEAD_LEN, bytes, 1900);
    (void)close(a);
    (void)close(b);
    mem_free(bytes);
    seal_key_free(k);
}

static void a_key_is_wrapped_for_its_delivery(void **state) {
    struct store *s = *state;
    struct err e = {0};
    struct seal_key *made = NULL, *loaded = NULL, *by = seal_key_new(), *back = NULL;
    uint8_t wrapped[SEAL_WRAPPED_LEN];
    assert_int_equal(seal_wrap(by, made = seal_key_new(), "0123456789abcdef", wrapped, &e), E_OK);
    struct slice bytes = slice_of(wrapped, sizeof wrapped);
    assert_int_equal(seal_unwrap(by, bytes, "0123456789abcdef", &back, &e), E_OK);
    assert_memory_equal(made->bytes, back->bytes, SEAL_KEY_LEN);
    seal_key_free(back);
    assert_int_equal(seal_unwrap(by, bytes, "0123456789abcdee", &back, &e), E_CORRUPT);
    assert_int_equal(seal_unwrap(made, bytes, "0123456789abcdef", &back, &e), E_CORRUPT);
    assert_int_equal(seal_unwrap(by, slice_first(bytes, 71), "0123456789abcdef", &back, &e),
                     E_CORRUPT);
    seal_key_free(made);
    // In the folder; and destroyed.
    assert_int_equal(store_delivery_key_make(s, "00000000000000aa", &made, &e), E_OK);
    assert_int_equal(store_delivery_key_load(s, "00000000000000aa", &loaded, &e), E_OK);
    assert_memory_equal(made->bytes, loaded->bytes, SEAL_KEY_LEN);
    seal_key_free(loaded);
    assert_int_equal(store_delivery_key_destroy(s, "00000000000000aa", &e), E_OK);
    assert_int_equal(store_delivery_key_destroy(s, "00000000000000aa", &e), E_OK);
    assert_int_equal(store_delivery_key_load(s, "00000000000000aa", &loaded, &e), E_NOT_FOUND);
    seal_key_free(made);
    seal_key_free(by);
}

static int count(const struct seal_name *name, void *context) {
    assert_string_equal(name->delivery, "0123456789abcdef");
    ++*(int *)context;
    return 0;
}

static void what_is_held_is_read_with_its_key_only(void **state) {
    struct store *s = *state;
    struct err e = {0};
    struct seal_key *k = seal_key_new(), *other = seal_key_new();
    struct seal_name name = name_of(42), second = name_of(43);
    struct store_delivery *d = NULL;
    struct store_item item;
    uint64_t len = 0;
    int fd = -1, held = 0;
    bool fresh;
    assert_int_equal(store_delivery_open(s, &d, &e), E_OK);
    assert_int_equal(store_item_begin_encrypted(d, k, &name, &item, &e), E_OK);
    assert_int_equal(store_item_write(&item, "ZQXSURNAME^HARRIET", 18, &e), E_OK);
    assert_int_equal(store_item_seal(&item, &e), E_OK);
    struct hash expected = hash_of(slice_str("ZQXSURNAME^HARRIET"));
    assert_true(hash_eq(&item.hash, &expected)); // of what was written, to know it again
    assert_int_equal(store_promote(s, &item, &fresh, &e), E_INTERNAL); // never an object
    assert_int_equal(store_held_take(s, &item, &name, &e), E_OK);
    store_delivery_close(d);
    int source = memfd_create("source", MFD_CLOEXEC);
    assert_int_equal(write(source, "ZQX", 3), 3);
    assert_int_equal(store_held_copy(s, k, &second, source, &e), E_OK);
    (void)close(source);
    assert_int_equal(store_held_sync(s, &e), E_OK);
    assert_int_equal(store_held_each(s, count, &held, &e), 0);
    assert_int_equal(held, 2);
    assert_int_equal(store_held_open(s, other, &name, &fd, &len, &e), E_CORRUPT);
    assert_int_equal(store_held_open(s, k, &name, &fd, &len, &e), E_OK);
    char back[32] = "";
    assert_int_equal(len, 18);
    assert_int_equal(read(fd, back, sizeof back), 18);
    assert_string_equal(back, "ZQXSURNAME^HARRIET");
    (void)close(fd);
    assert_int_equal(store_held_open(s, k, &second, &fd, &len, &e), E_OK);
    assert_int_equal(len, 3);
    (void)close(fd);
    assert_int_equal(store_held_remove(s, &name, &e), E_OK);
    assert_int_equal(store_held_remove(s, &name, &e), E_OK);
    assert_int_equal(store_held_open(s, k, &name, &fd, &len, &e), E_NOT_FOUND);
    seal_key_free(other);
    seal_key_free(k);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_comes_back), cmocka_unit_test(what_is_not_as_it_was_is_found),
        cmocka_unit_test(equal_bytes_do_not_look_equal),
        cmocka_unit_test_setup_teardown(a_key_is_wrapped_for_its_delivery, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_held_is_read_with_its_key_only, set_up, tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

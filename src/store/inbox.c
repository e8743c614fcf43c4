// SPDX-License-Identifier: Apache-2.0
#include "store/inbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/seal.h"
#include "store/store_priv.h"

#define INBOX_NAME "inbox"
#define LOCK_NAME "lock"
#define SPARES 64
#define SPARES_LOW 48
#define START_WRITING ((uint64_t)4 << 20) // the disk begins after so many bytes
#define PIECE ((size_t)1 << 17)

// What ends a file that has a receipt: magic, number, length of the file before the receipt and of
// the receipt, MAC of the arrival's hash, hash of receipt and tail up to here. Little endian.
#define TAIL_LEN 96
#define TAIL_HASHED (TAIL_LEN - HASH_LEN)
static const char magic[8] = {'M', 'L', 'i', 'n', 'b', 'o', 'x', '2'};
static const char magic_in_clear[8] = {'M', 'L', 'i', 'n', 'b', 'o', 'x', '1'};

struct spare {
    uint64_t number;
    int fd;
};

struct store_inbox {
    struct store *store;
    int fd, lock;
    pthread_mutex_t mutex; // of what follows
    uint64_t next;
    struct spare spares[SPARES];
    size_t spare_count;
};

static void item_name(uint64_t number, char name[QUARANTINE_NAME_MAX]) {
    (void)snprintf(name, QUARANTINE_NAME_MAX, "%llu", (unsigned long long)number);
}

static int fail(struct store_inbox *b, int why, const char *doing, struct err *e) {
    return err_set_errno(e, why, "cannot %s in %s/" INBOX_NAME, doing, b->store->dir);
}

static bool parse_name(const char *name, uint64_t *ret_number) {
    return name[0] != '0' && num_parse_u64(slice_str(name), INT64_MAX, ret_number);
}

// --- opening and closing

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

// Numbers of all files, in order.
static int list(struct store_inbox *b, struct buf *out, struct err *e) {
    int copy = openat(b->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    if (dir == NULL) {
        int why = errno;
        cleanup_fd(&copy);
        return fail(b, why, "read the folder", e);
    }
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        uint64_t number;
        if (parse_name(entry->d_name, &number)) {
            buf_put(out, &number, sizeof number);
        }
    }
    (void)closedir(dir);
    if (out->len > 0) {
        qsort(out->data, out->len / sizeof(uint64_t), sizeof(uint64_t), compare);
    }
    return buf_check(out, "list of the inbox", e);
}

static uint64_t number_at(const struct buf *numbers, size_t at) {
    uint64_t number;
    memcpy(&number, numbers->data + at * sizeof number, sizeof number);
    return number;
}

static bool is_empty(struct store_inbox *b, uint64_t number) {
    char name[QUARANTINE_NAME_MAX];
    struct stat st;
    item_name(number, name);
    return fstatat(b->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size == 0;
}

// Names that were made ahead by a process that is gone are removed; the highest number is noted.
static int look_through(struct store_inbox *b, struct err *e) {
    CLEANUP(cleanup_buf) struct buf numbers;
    buf_init(&numbers, (size_t)64 << 20);
    int rc = list(b, &numbers, e);
    for (size_t i = 0; rc == E_OK && i < numbers.len / sizeof(uint64_t); i++) {
        uint64_t number = number_at(&numbers, i);
        b->next = number + 1;
        if (is_empty(b, number)) {
            rc = store_inbox_remove(b, number, e);
        }
    }
    return rc;
}

static int open_folder(struct store_inbox *b, struct err *e) {
    int data = b->store->data_fd;
    if (mkdirat(data, INBOX_NAME, STORE_DIR_MODE) != 0 && errno != EEXIST) {
        return fail(b, errno, "make the folder", e);
    }
    b->fd = openat(data, INBOX_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (b->fd < 0) {
        return fail(b, errno, "open the folder", e);
    }
    b->lock = openat(b->fd, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, STORE_FILE_MODE);
    if (b->lock < 0) {
        return fail(b, errno, "open the lock", e);
    }
    if (flock(b->lock, LOCK_EX | LOCK_NB) != 0) {
        return err_set(e, E_LOCKED, "%s/" INBOX_NAME " is in use by another process",
                       b->store->dir);
    }
    return file_sync_dir(data, e);
}

int store_inbox_open(struct store *s, struct store_inbox **ret_inbox, struct err *e) {
    struct store_inbox *b = mem_zalloc(sizeof *b);
    if (b == NULL) {
        return err_set(e, E_MEMORY, "inbox");
    }
    b->store = s;
    b->fd = b->lock = -1;
    b->next = 1;
    (void)pthread_mutex_init(&b->mutex, NULL);
    int rc = open_folder(b, e);
    rc = rc == E_OK ? look_through(b, e) : rc;
    if (rc != E_OK) {
        store_inbox_close(b);
        return rc;
    }
    *ret_inbox = b;
    return E_OK;
}

void store_inbox_first(struct store_inbox *b, uint64_t first) {
    (void)pthread_mutex_lock(&b->mutex);
    b->next = first > b->next ? first : b->next;
    (void)pthread_mutex_unlock(&b->mutex);
}

void store_inbox_close(struct store_inbox *b) {
    if (b == NULL) {
        return;
    }
    for (size_t i = 0; i < b->spare_count; i++) {
        struct err ignored = {0};
        (void)close(b->spares[i].fd);
        (void)store_inbox_remove(b, b->spares[i].number, &ignored);
    }
    cleanup_fd(&b->lock);
    cleanup_fd(&b->fd);
    (void)pthread_mutex_destroy(&b->mutex);
    mem_free(b);
}

// --- names made ahead

static int make_file(struct store_inbox *b, struct spare *ret_spare, struct err *e) {
    char name[QUARANTINE_NAME_MAX];
    (void)pthread_mutex_lock(&b->mutex);
    uint64_t number = b->next++;
    (void)pthread_mutex_unlock(&b->mutex);
    item_name(number, name);
    int fd =
        openat(b->fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, STORE_FILE_MODE);
    if (fd < 0) {
        return fail(b, errno, "create a file", e);
    }
    *ret_spare = (struct spare){number, fd};
    return E_OK;
}

static void drop_spare(struct store_inbox *b, const struct spare *spare) {
    struct err ignored = {0};
    (void)close(spare->fd);
    (void)store_inbox_remove(b, spare->number, &ignored);
}

bool store_inbox_prepare(struct store_inbox *b) {
    struct spare made[SPARES];
    struct err e = {0};
    size_t count = 0;
    (void)pthread_mutex_lock(&b->mutex);
    size_t have = b->spare_count;
    (void)pthread_mutex_unlock(&b->mutex);
    while (have + count < SPARES && make_file(b, &made[count], &e) == E_OK) {
        count++;
    }
    bool durable = file_sync_dir(b->fd, &e) == E_OK;
    (void)pthread_mutex_lock(&b->mutex);
    size_t taken = 0;
    while (durable && taken < count && b->spare_count < SPARES) {
        b->spares[b->spare_count++] = made[taken++];
    }
    (void)pthread_mutex_unlock(&b->mutex);
    while (taken < count) {
        drop_spare(b, &made[taken++]);
    }
    return e.code == E_OK;
}

bool store_inbox_wants(struct store_inbox *b) {
    (void)pthread_mutex_lock(&b->mutex);
    bool wants = b->spare_count < SPARES_LOW;
    (void)pthread_mutex_unlock(&b->mutex);
    return wants;
}

// The lowest number first: numbers go up with time.
static bool take_spare(struct store_inbox *b, struct spare *ret_spare) {
    (void)pthread_mutex_lock(&b->mutex);
    bool have = b->spare_count > 0;
    if (have) {
        *ret_spare = b->spares[0];
        b->spare_count--;
        memmove(b->spares, b->spares + 1, b->spare_count * sizeof b->spares[0]);
    }
    (void)pthread_mutex_unlock(&b->mutex);
    return have;
}

// --- one that arrives

static int take_file(struct store_inbox *b, struct spare *ret_spare, struct err *e) {
    if (take_spare(b, ret_spare)) {
        return E_OK;
    }
    int rc = make_file(b, ret_spare, e);
    if (rc == E_OK && (rc = file_sync_dir(b->fd, e)) != E_OK) {
        drop_spare(b, ret_spare);
    }
    return rc;
}

static struct seal_name name_of(uint64_t number, const char *delivery) {
    struct seal_name name = {.number = number};
    (void)snprintf(name.delivery, sizeof name.delivery, "%s", delivery);
    return name;
}

int store_arrival_begin(struct store_inbox *b, const struct seal_key *k, const char *delivery,
                        struct store_arrival *ret_arrival, struct err *e) {
    struct spare spare;
    struct seal_writer *sealing = NULL;
    int rc = take_file(b, &spare, e);
    if (rc != E_OK) {
        return rc;
    }
    struct hash_stream *hashing = hash_stream_new();
    struct seal_name name = name_of(spare.number, delivery);
    rc = hashing == NULL ? err_set(e, E_MEMORY, "arriving file")
                         : seal_writer_new(k, &name, &sealing, e);
    if (rc != E_OK) {
        hash_stream_free(hashing);
        drop_spare(b, &spare);
        return rc;
    }
    *ret_arrival = (struct store_arrival){
        .inbox = b, .number = spare.number, .fd = spare.fd, .hashing = hashing, .sealing = sealing};
    return E_OK;
}

static int put(struct store_arrival *a, const void *bytes, size_t len, struct err *e) {
    return file_write_all(a->fd, bytes, len) == 0 ? E_OK : fail(a->inbox, errno, "write a file", e);
}

int store_arrival_write(struct store_arrival *a, const void *bytes, size_t len, struct err *e) {
    if (seal_write(a->sealing, a->fd, bytes, len, e) != E_OK) {
        return err_context(e, "%s/" INBOX_NAME, a->inbox->store->dir);
    }
    hash_stream_add(a->hashing, bytes, len);
    a->len += len;
    if (a->len - a->started >= START_WRITING) {
        (void)sync_file_range(a->fd, (off_t)a->started, (off_t)(a->len - a->started),
                              SYNC_FILE_RANGE_WRITE);
        a->started = a->len;
    }
    return E_OK;
}

static struct hash hash_tail(struct slice receipt, const uint8_t tail[TAIL_LEN]) {
    uint8_t both[STORE_RECEIPT_MAX + TAIL_LEN];
    memcpy(both, receipt.ptr, receipt.len);
    memcpy(both + receipt.len, tail, TAIL_HASHED);
    return hash_of(slice_of(both, receipt.len + TAIL_HASHED));
}

int store_arrival_seal(struct store_arrival *a, struct slice receipt, struct hash *ret_source,
                       struct err *e) {
    uint8_t tail[TAIL_LEN], both[STORE_RECEIPT_MAX + TAIL_LEN];
    if (receipt.len > STORE_RECEIPT_MAX || receipt.len == 0) {
        return err_set(e, E_INTERNAL, "a receipt of %zu bytes", receipt.len);
    }
    struct hash plain = hash_stream_end(a->hashing), hash;
    if (store_source_mac(a->inbox->store, &plain, &hash, e) != E_OK ||
        seal_end(a->sealing, a->fd, e) != E_OK) {
        return err_context(e, "%s/" INBOX_NAME, a->inbox->store->dir);
    }
    memcpy(tail, magic, sizeof magic);
    num_put_le64(tail + 8, a->number);
    num_put_le64(tail + 16, seal_file_len(a->len));
    num_put_le64(tail + 24, receipt.len);
    memcpy(tail + 32, hash.bytes, HASH_LEN);
    struct hash all = hash_tail(receipt, tail);
    memcpy(tail + TAIL_HASHED, all.bytes, HASH_LEN);
    memcpy(both, receipt.ptr, receipt.len);
    memcpy(both + receipt.len, tail, TAIL_LEN);
    int rc = put(a, both, receipt.len + TAIL_LEN, e);
    if (rc == E_OK) {
        *ret_source = hash;
    }
    return rc;
}

int store_arrival_sync(struct store_arrival *a, struct err *e) {
    return fdatasync(a->fd) == 0 ? E_OK : fail(a->inbox, errno, "sync a file", e);
}

void store_arrival_keep(struct store_arrival *a) {
    if (a->inbox == NULL) {
        return;
    }
    (void)close(a->fd);
    hash_stream_free(a->hashing);
    seal_writer_free(a->sealing);
    *a = (struct store_arrival){.fd = -1};
}

void store_arrival_abandon(struct store_arrival *a) {
    if (a->inbox != NULL) {
        struct err ignored = {0};
        // First without its bytes: should the name stay, nothing is left of it all the same.
        (void)!ftruncate(a->fd, 0);
        (void)store_inbox_remove(a->inbox, a->number, &ignored);
        store_arrival_keep(a);
    }
}

// --- those that lie there

int store_inbox_each(struct store_inbox *b, int (*visit)(uint64_t number, void *context),
                     void *context, struct err *e) {
    CLEANUP(cleanup_buf) struct buf numbers;
    buf_init(&numbers, (size_t)64 << 20);
    int rc = list(b, &numbers, e);
    for (size_t i = 0; rc == E_OK && i < numbers.len / sizeof(uint64_t); i++) {
        uint64_t number = number_at(&numbers, i);
        rc = is_empty(b, number) ? E_OK : visit(number, context);
    }
    return rc;
}

static int open_one(struct store_inbox *b, uint64_t number, int flags, int *ret_fd, struct err *e) {
    char name[QUARANTINE_NAME_MAX];
    item_name(number, name);
    int fd = openat(b->fd, name, flags | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return fail(b, errno, "open a file", e);
    }
    *ret_fd = fd;
    return E_OK;
}

static int size_of(struct store_inbox *b, int fd, uint64_t *ret_len, struct err *e) {
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return fail(b, errno, "examine a file", e);
    }
    *ret_len = (uint64_t)st.st_size;
    return E_OK;
}

int store_inbox_size(struct store_inbox *b, uint64_t number, uint64_t *ret_len, struct err *e) {
    CLEANUP(cleanup_fd) int fd = -1;
    int rc = open_one(b, number, O_RDONLY, &fd, e);
    return rc == E_OK ? size_of(b, fd, ret_len, e) : rc;
}

static bool is_in_clear(const uint8_t tail[TAIL_LEN]) {
    return memcmp(tail, magic_in_clear, sizeof magic_in_clear) == 0;
}

static bool tail_is_whole(const uint8_t tail[TAIL_LEN], uint64_t number, uint64_t size) {
    uint64_t len = num_le64(tail + 16), receipt_len = num_le64(tail + 24);
    return memcmp(tail, magic, sizeof magic) == 0 && num_le64(tail + 8) == number &&
           receipt_len > 0 && receipt_len <= STORE_RECEIPT_MAX && len <= size &&
           size - len == receipt_len + TAIL_LEN;
}

int store_inbox_receipt(struct store_inbox *b, uint64_t number, struct buf *receipt,
                        uint64_t *ret_len, struct hash *ret_source, struct err *e) {
    CLEANUP(cleanup_fd) int fd = -1;
    uint8_t tail[TAIL_LEN], bytes[STORE_RECEIPT_MAX];
    uint64_t size = 0;
    int rc = open_one(b, number, O_RDONLY, &fd, e);
    rc = rc == E_OK ? size_of(b, fd, &size, e) : rc;
    if (rc != E_OK || size < TAIL_LEN) {
        return rc;
    }
    if (file_pread_all(fd, tail, TAIL_LEN, size - TAIL_LEN) != 0) {
        return fail(b, errno, "read a file", e);
    }
    if (is_in_clear(tail)) {
        return err_set(e, E_CORRUPT,
                       "arrival %llu of %s/" INBOX_NAME " was received by an earlier version, "
                       "which did not encrypt: let that version judge it first",
                       (unsigned long long)number, b->store->dir);
    }
    if (!tail_is_whole(tail, number, size)) {
        return 0;
    }
    uint64_t len = num_le64(tail + 16);
    size_t receipt_len = (size_t)num_le64(tail + 24);
    if (file_pread_all(fd, bytes, receipt_len, len) != 0) {
        return fail(b, errno, "read a file", e);
    }
    struct hash all = hash_tail(slice_of(bytes, receipt_len), tail);
    if (memcmp(all.bytes, tail + TAIL_HASHED, HASH_LEN) != 0) {
        return 0;
    }
    buf_put(receipt, bytes, receipt_len);
    memcpy(ret_source->bytes, tail + 32, HASH_LEN);
    rc = seal_plain_len(len, ret_len, e);
    rc = rc == E_OK ? buf_check(receipt, "receipt", e) : rc;
    return rc == E_OK ? 1 : rc;
}

int store_inbox_cut(struct store_inbox *b, uint64_t number, uint64_t plain, struct err *e) {
    CLEANUP(cleanup_fd) int fd = -1;
    uint64_t size = 0, len = seal_file_len(plain);
    int rc = open_one(b, number, O_RDWR, &fd, e);
    rc = rc == E_OK ? size_of(b, fd, &size, e) : rc;
    if (rc != E_OK || size == len) {
        return rc;
    }
    if (size < len) {
        return err_set(e, E_CORRUPT, "an arrival in %s/" INBOX_NAME " is shorter than it was",
                       b->store->dir);
    }
    return ftruncate(fd, (off_t)len) == 0 ? E_OK : fail(b, errno, "cut a file", e);
}

int store_inbox_open_plain(struct store_inbox *b, uint64_t number, const struct seal_key *k,
                           const char *delivery, uint64_t len, int *ret_fd, struct err *e) {
    CLEANUP(cleanup_fd) int fd = -1;
    struct seal_name name = name_of(number, delivery);
    uint64_t size = 0, plain = 0;
    int rc = open_one(b, number, O_RDONLY, &fd, e);
    rc = rc == E_OK ? size_of(b, fd, &size, e) : rc;
    if (rc == E_OK && size < seal_file_len(len)) {
        rc = err_set(e, E_CORRUPT, "an arrival in %s/" INBOX_NAME " is shorter than it was",
                     b->store->dir);
    }
    return rc == E_OK ? seal_read_memory(k, &name, fd, seal_file_len(len), ret_fd, &plain, e) : rc;
}

int store_inbox_hold(struct store_inbox *b, uint64_t number, const char *delivery, uint64_t len,
                     struct err *e) {
    struct seal_name to = name_of(number, delivery);
    char from[QUARANTINE_NAME_MAX];
    item_name(number, from);
    int rc = store_inbox_cut(b, number, len, e);
    return rc == E_OK ? held_link(b->store, b->fd, from, &to, e) : rc;
}

int store_inbox_remove(struct store_inbox *b, uint64_t number, struct err *e) {
    char name[QUARANTINE_NAME_MAX];
    item_name(number, name);
    return unlinkat(b->fd, name, 0) == 0 || errno == ENOENT ? E_OK
                                                            : fail(b, errno, "remove a file", e);
}

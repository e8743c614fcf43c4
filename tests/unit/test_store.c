// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "store/store.h"

struct fixture {
    char dir[64];
    struct store *store;
};

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where) {
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

static int set_up(void **state) {
    struct fixture *f = mem_zalloc(sizeof *f);
    struct err e = {0};
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/maclab-store-XXXXXX");
    if (mkdtemp(f->dir) == NULL || store_open(f->dir, &f->store, &e) != E_OK) {
        return -1;
    }
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    store_close(f->store);
    (void)nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    mem_free(f);
    return 0;
}

static const char *in_dir(const struct fixture *f, const char *name) {
    static char path[4200];
    (void)snprintf(path, sizeof path, "%s/%s", f->dir, name);
    return path;
}

static struct store_delivery *deliver(struct store *s) {
    struct store_delivery *d = NULL;
    struct err e = {0};
    if (store_delivery_open(s, &d, &e) != E_OK) {
        fail_msg("%s", e.text);
    }
    return d;
}

static struct store_item item_of(struct store_delivery *d, const char *text) {
    struct store_item i;
    struct err e = {0};
    assert_int_equal(store_item_begin(d, &i, &e), E_OK);
    size_t half = strlen(text) / 2;
    assert_int_equal(store_item_write(&i, text, half, &e), E_OK);
    assert_int_equal(store_item_write(&i, text + half, strlen(text) - half, &e), E_OK);
    assert_int_equal(store_item_seal(&i, &e), E_OK);
    return i;
}

static struct hash put(struct store *s, struct store_delivery *d, const char *text,
                       bool expect_new) {
    struct store_item i = item_of(d, text);
    struct hash h = i.hash;
    struct err e = {0};
    bool is_new = !expect_new;
    if (store_promote(s, &i, &is_new, &e) != E_OK) {
        fail_msg("%s", e.text);
    }
    assert_int_equal(is_new, expect_new);
    assert_null(i.delivery);
    return h;
}

static void count_one(const char *path, int *files) {
    (void)path;
    ++*files;
}

static int count_visit(const char *path, void *context) {
    count_one(path, context);
    return 0;
}

static int files_below(const char *path) {
    int files = 0;
    struct err e = {0};
    struct file_walk walk = {.visit = count_visit, .context = &files};
    assert_int_equal(file_walk(path, &walk, &e), 0);
    return files;
}

static void object_path(const struct fixture *f, const struct hash *h, char out[200]) {
    char hex[HASH_HEX_LEN + 1];
    (void)hash_hex(h, hex);
    (void)snprintf(out, 200, "%s/objects/%.2s/%.2s/%s", f->dir, hex, hex + 2, hex);
}

// ------------------------------------------------------------------------------------------------------

static void an_arrival_becomes_an_object(void **state) {
    struct fixture *f = *state;
    struct err e = {0};
    struct store_delivery *d = deliver(f->store);
    struct store_item i = item_of(d, "the bytes");
    struct hash expected = hash_of(slice_str("the bytes"));
    assert_true(hash_eq(&i.hash, &expected));
    assert_int_equal(i.len, 9);
    assert_int_equal(fcntl(i.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    assert_int_equal(write(i.fd, "x", 1), -1);
    assert_int_equal(store_item_write(&i, "x", 1, &e), E_INTERNAL);

    int fd = -1;
    assert_int_equal(store_object_open(f->store, &expected, &fd, &e), E_NOT_FOUND);
    bool is_new = false;
    assert_int_equal(store_promote(f->store, &i, &is_new, &e), E_OK);
    assert_true(is_new);
    store_item_done(&i); // used up: nothing
    assert_int_equal(store_sync(f->store, &e), E_OK);
    assert_int_equal(store_object_open(f->store, &expected, &fd, &e), E_OK);
    char back[16] = "";
    assert_int_equal(read(fd, back, sizeof back), 9);
    assert_string_equal(back, "the bytes");
    (void)close(fd);

    char path[200];
    struct stat st;
    object_path(f, &expected, path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(in_dir(f, "objects"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    store_delivery_close(d);
    assert_int_equal(files_below(in_dir(f, "quarantine")), 0);
    uint64_t len = 0;
    assert_int_equal(store_object_verify(f->store, &expected, &len, &e), E_OK);
    assert_int_equal(len, 9);
    assert_int_equal(store_object_remove(f->store, &expected, &e), E_OK);
    assert_int_equal(store_object_remove(f->store, &expected, &e), E_OK);
    assert_int_equal(store_object_verify(f->store, &expected, &len, &e), E_NOT_FOUND);
}

static void the_same_bytes_are_one_object(void **state) {
    struct fixture *f = *state;
    struct err e = {0};
    struct store_delivery *d = deliver(f->store);
    struct hash h = put(f->store, d, "twice", true);
    (void)put(f->store, d, "twice", false);
    assert_int_equal(store_sync(f->store, &e), E_OK);
    (void)put(f->store, d, "twice", false);
    assert_int_equal(files_below(in_dir(f, "objects")), 1);
    // A ruin of another length under that name makes place.
    char path[200];
    object_path(f, &h, path);
    assert_int_equal(truncate(path, 2), 0);
    (void)put(f->store, d, "twice", true);
    uint64_t len;
    assert_int_equal(store_object_verify(f->store, &h, &len, &e), E_OK);
    assert_int_equal(store_sync(f->store, &e), E_OK);
    store_delivery_close(d);
}

static void files_are_copied_whole(void **state) {
    struct fixture *f = *state;
    static const size_t lengths[] = {0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3333333};
    struct err e = {0};
    uint8_t *bytes = mem_alloc(3333333);
    for (size_t i = 0; i < 3333333; i++) {
        bytes[i] = (uint8_t)(i * 7 + (i >> 9));
    }
    struct store_delivery *d = deliver(f->store);
    for (size_t n = 0; n < sizeof lengths / sizeof lengths[0]; n++) {
        int from = open(in_dir(f, "source"), O_RDWR | O_CREAT | O_TRUNC, 0600);
        assert_int_equal(file_write_all(from, bytes, lengths[n]), 0);
        assert_int_equal(lseek(from, 0, SEEK_SET), 0);
        struct store_item i;
        assert_int_equal(store_item_begin(d, &i, &e), E_OK);
        assert_int_equal(store_item_copy(&i, from, &e), E_OK);
        assert_int_equal(store_item_seal(&i, &e), E_OK);
        struct hash expected = hash_of(slice_of(bytes, lengths[n]));
        assert_true(hash_eq(&i.hash, &expected));
        assert_int_equal(i.len, lengths[n]);
        assert_int_equal(store_item_sync(&i, &e), E_OK);
        store_item_done(&i);
        (void)close(from);
    }
    assert_int_equal(files_below(in_dir(f, "quarantine")), 1); // its lock
    store_delivery_close(d);
    mem_free(bytes);
}

static void many_objects_sync_as_few(void **state) {
    struct fixture *f = *state;
    struct err e = {0};
    static const int counts[] = {1, 16, 17, 100};
    struct store_delivery *d = deliver(f->store);
    int made = 0;
    for (size_t n = 0; n < sizeof counts / sizeof counts[0]; n++) {
        for (int i = 0; i < counts[n]; i++) {
            char text[20];
            (void)snprintf(text, sizeof text, "object %d", made++);
            (void)put(f->store, d, text, true);
        }
        assert_int_equal(store_sync(f->store, &e), E_OK);
    }
    assert_int_equal(store_sync(f->store, &e), E_OK);
    assert_int_equal(files_below(in_dir(f, "objects")), made);
    store_delivery_close(d);
}

static void damage_is_found(void **state) {
    struct fixture *f = *state;
    struct err e = {0};
    struct store_delivery *d = deliver(f->store);
    struct hash h = put(f->store, d, "as it was", true);
    char path[200];
    object_path(f, &h, path);
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "X", 1, 3), 1);
    (void)close(fd);
    uint64_t len = 77;
    assert_int_equal(store_object_verify(f->store, &h, &len, &e), E_CORRUPT);
    assert_non_null(strstr(e.text, path + strlen(f->dir)));
    assert_int_equal(len, 77);
    store_delivery_close(d);
}

struct seen {
    int objects, strays, stop_after;
    struct hash last;
};

static int see(const struct hash *hash, const char *path, void *context) {
    struct seen *s = context;
    assert_int_equal(access(path, F_OK), 0);
    if (hash == NULL) {
        s->strays++;
    } else {
        assert_true(s->objects == 0 || memcmp(s->last.bytes, hash->bytes, HASH_LEN) < 0);
        s->last = *hash;
        s->objects++;
    }
    return s->objects == s->stop_after ? 5 : 0;
}

static void write_file(const char *path) {
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
}

static void walking_tells_objects_from_strays(void **state) {
    struct fixture *f = *state;
    struct err e = {0};
    struct store_delivery *d = deliver(f->store);
    struct hash h = {{0}};
    for (int i = 0; i < 30; i++) {
        char text[20];
        (void)snprintf(text, sizeof text, "object %d", i);
        h = put(f->store, d, text, true);
    }
    char path[200], stray[300];
    object_path(f, &h, path);
    (void)snprintf(stray, sizeof stray, "%s.new", path);
    write_file(stray);
    write_file(in_dir(f, "objects/readme"));
    char *hex = strrchr(path, '/') + 1;
    (void)snprintf(stray, sizeof stray, "%s/objects/%s", f->dir, hex); // right name, wrong folder
    write_file(stray);
    struct seen seen = {.stop_after = -1};
    assert_int_equal(store_objects_each(f->store, see, &seen, &e), 0);
    assert_int_equal(seen.objects, 30);
    assert_int_equal(seen.strays, 3);
    seen = (struct seen){.stop_after = 7};
    assert_int_equal(store_objects_each(f->store, see, &seen, &e), 5);
    assert_int_equal(seen.objects, 7);
    store_delivery_close(d);
}

// --- no room, no right

static void a_full_disk_leaves_nothing_half(void **state) {
    struct fixture *f = *state;
    struct err e = {0};
    char dir[128];
    (void)snprintf(dir, sizeof dir, "%s/small", f->dir);
    assert_int_equal(mkdir(dir, 0700), 0);
    if (mount("maclab-test", dir, "tmpfs", 0, "size=256k") != 0) {
        print_message("skipped: needs the right to mount a small file system\n");
        skip();
    }
    struct store *s = NULL;
    assert_int_equal(store_open(dir, &s, &e), E_OK);
    struct store_delivery *d = deliver(s);
    struct store_item i;
    static char bytes[300 * 1024];
    assert_int_equal(store_item_begin(d, &i, &e), E_OK);
    assert_int_equal(store_item_write(&i, bytes, sizeof bytes, &e), E_FULL);
    assert_non_null(strstr(e.text, dir));
    assert_null(i.delivery);
    store_item_done(&i);
    uint64_t room = 0;
    assert_int_equal(store_free_bytes(s, &room, &e), E_OK);
    assert_in_range(room, 200 * 1024, 256 * 1024);
    (void)put(s, d, "there is room for a small one", true);
    assert_int_equal(store_sync(s, &e), E_OK);
    store_delivery_close(d);
    store_close(s);

    assert_int_equal(mount(NULL, dir, NULL, MS_REMOUNT | MS_RDONLY, "size=256k"), 0);
    assert_int_equal(store_open(dir, &s, &e), E_IO);
    assert_non_null(strstr(e.text, dir));
    assert_non_null(strstr(e.text, "Read-only"));
    assert_int_equal(umount(dir), 0);
}

static void a_file_too_large_for_the_limits_leaves_nothing(void **state) {
    struct fixture *f = *state;
    struct err e = {0};
    struct store_delivery *d = deliver(f->store);
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){1000, before.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    char bytes[2000] = {0};
    struct store_item i;
    int began = store_item_begin(d, &i, &e);
    int wrote = store_item_write(&i, bytes, sizeof bytes, &e);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(began, E_OK);
    assert_int_equal(wrote, E_IO);
    assert_int_equal(files_below(in_dir(f, "quarantine")), 1);
    store_delivery_close(d);
}

static void a_folder_that_is_none_is_named(void **state) {
    struct fixture *f = *state;
    struct err e = {0};
    struct store *s = NULL;
    const char *path = in_dir(f, "file");
    write_file(path);
    assert_int_equal(store_open(path, &s, &e), E_IO);
    assert_non_null(strstr(e.text, path));
    path = in_dir(f, "server.lock/below");
    assert_int_equal(store_open(path, &s, &e), E_IO);
    assert_null(s);
}

// --- locks between processes

static void a_second_server_is_told_who(void **state) {
    struct fixture *f = *state;
    struct err e = {0};
    struct store *other = NULL;
    char who[40];
    assert_int_equal(store_lock_server(f->store, &e), E_OK);
    assert_int_equal(store_lock_server(f->store, &e), E_OK);
    assert_int_equal(store_open(f->dir, &other, &e), E_OK);
    assert_int_equal(store_lock_server(other, &e), E_LOCKED);
    (void)snprintf(who, sizeof who, "process %ld", (long)getpid());
    assert_non_null(strstr(e.text, who));
    store_close(f->store);
    f->store = other;
    assert_int_equal(store_lock_server(other, &e), E_OK);
}

static void the_sweep_is_alone(void **state) {
    struct fixture *f = *state;
    struct err e = {0};
    struct store *other = NULL;
    bool alone = false;
    assert_int_equal(store_open(f->dir, &other, &e), E_OK);
    assert_int_equal(store_try_sweep_lock(f->store, &alone, &e), E_OK);
    assert_true(alone);
    assert_int_equal(store_try_sweep_lock(other, &alone, &e), E_OK);
    assert_false(alone);
    store_unlock_sweep(f->store);
    struct store_delivery *d = deliver(other); // takes the intake lock
    assert_int_equal(store_try_sweep_lock(f->store, &alone, &e), E_OK);
    assert_false(alone);
    assert_int_equal(store_try_sweep_lock(other, &alone, &e), E_OK);
    assert_false(alone);
    assert_int_equal(store_lock_intake(f->store, &e), E_OK); // shared
    store_delivery_close(d);
    store_close(other);
}

static void what_a_dead_process_left_is_swept(void **state) {
    struct fixture *f = *state;
    struct err e = {0};
    pid_t pid = fork();
    if (pid == 0) {
        struct store *s = NULL;
        struct store_delivery *d = NULL;
        struct store_item i;
        bool is_new;
        int wrong = store_open(f->dir, &s, &e) != E_OK || store_delivery_open(s, &d, &e) != E_OK ||
                    store_item_begin(d, &i, &e) != E_OK ||
                    store_item_write(&i, "promoted", 8, &e) != E_OK ||
                    store_item_seal(&i, &e) != E_OK || store_promote(s, &i, &is_new, &e) != E_OK ||
                    store_item_begin(d, &i, &e) != E_OK ||
                    store_item_write(&i, "half", 4, &e) != E_OK;
        (void)kill(getpid(), wrong ? SIGABRT : SIGKILL);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(mkdir(in_dir(f, "quarantine/.0011223344556677.new"), 0700), 0);
    assert_int_equal(files_below(in_dir(f, "quarantine")), 2);
    bool alone = false;
    assert_int_equal(store_try_sweep_lock(f->store, &alone, &e), E_OK);
    assert_true(alone);
    assert_int_equal(files_below(in_dir(f, "quarantine")), 0);
    struct stat st;
    assert_int_equal(stat(in_dir(f, "quarantine"), &st), 0);
    assert_int_equal(st.st_nlink, 2);                       // no folder is left either
    assert_int_equal(files_below(in_dir(f, "objects")), 1); // the archive's to judge
    store_unlock_sweep(f->store);
}

// --- threads

struct load {
    struct store *store;
    int from;
    int wrong;
};

static void *intake(void *context) {
    struct load *l = context;
    struct err e = {0};
    struct store_delivery *d = NULL;
    l->wrong += store_delivery_open(l->store, &d, &e) != E_OK;
    for (int n = 0; n < 60 && l->wrong == 0; n++) {
        char text[24];
        struct store_item i;
        bool is_new;
        (void)snprintf(text, sizeof text, "object %d", l->from + n);
        l->wrong += store_item_begin(d, &i, &e) != E_OK ||
                    store_item_write(&i, text, strlen(text), &e) != E_OK ||
                    store_item_seal(&i, &e) != E_OK ||
                    store_promote(l->store, &i, &is_new, &e) != E_OK;
        l->wrong += n % 10 == 9 && store_sync(l->store, &e) != E_OK;
    }
    store_delivery_close(d);
    return NULL;
}

static void intakes_run_side_by_side(void **state) {
    struct fixture *f = *state;
    enum { THREADS = 4 };
    struct load load[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) { // neighbours share half of their objects
        load[i] = (struct load){f->store, i * 30, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, intake, &load[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        assert_int_equal(load[i].wrong, 0);
    }
    assert_int_equal(files_below(in_dir(f, "objects")), (THREADS + 1) * 30);
}

// --- cache

// The cache leaves a last part of the disk alone.
static void needs_room(struct store *s) {
    uint64_t room = 0;
    struct err e = {0};
    if (store_free_bytes(s, &room, &e) != E_OK || room < STORE_CACHE_SPARE + (1 << 20)) {
        print_message("skipped: the disk of /tmp is too full for a cache\n");
        skip();
    }
}

static void the_cache_keeps_whole_values_only(void **state) {
    struct fixture *f = *state;
    int fd = -1;
    uint64_t len = 0;
    char back[16] = "";
    const char *key = "thumbnail/1.2.3/../../x";
    needs_room(f->store);
    assert_int_equal(store_cache_get(f->store, key, &fd, &len), E_NOT_FOUND);
    assert_int_equal(store_cache_put(f->store, key, slice_str("a picture")), E_OK);
    assert_int_equal(store_cache_put(f->store, key, slice_str("a view")), E_OK);
    assert_int_equal(store_cache_put(f->store, "other", slice_str("")), E_OK);
    assert_int_equal(store_cache_get(f->store, key, &fd, &len), E_OK);
    assert_int_equal(len, 6);
    assert_int_equal(pread(fd, back, 6, 0), 6);
    assert_string_equal(back, "a view");
    (void)close(fd);
    assert_int_equal(store_cache_get(f->store, "other", &fd, &len), E_OK);
    assert_int_equal(len, 0);
    (void)close(fd);
    char path[200], hex[HASH_HEX_LEN + 1];
    struct hash h = hash_of(slice_str(key));
    (void)hash_hex(&h, hex);
    (void)snprintf(path, sizeof path, "%s/cache/%.2s/%s", f->dir, hex, hex);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size - 1), 0);
    assert_int_equal(store_cache_get(f->store, key, &fd, &len), E_NOT_FOUND);
    assert_int_equal(files_below(in_dir(f, "cache")), 2);
}

static void the_cache_keeps_near_its_limit(void **state) {
    struct fixture *f = *state;
    static char bytes[1000];
    int fd = -1;
    uint64_t len;
    needs_room(f->store);
    store_cache_limit(f->store, 100000);
    for (int i = 0; i < 500; i++) {
        char key[20];
        (void)snprintf(key, sizeof key, "value %d", i);
        assert_int_equal(store_cache_put(f->store, key, slice_of(bytes, sizeof bytes)), E_OK);
        assert_int_equal(store_cache_get(f->store, key, &fd, &len), E_OK);
        assert_int_equal(len, sizeof bytes);
        // Ages, so that the order is known: a second each.
        const struct timespec times[2] = {{1000000 + i, 0}, {1000000 + i, 0}};
        assert_int_equal(futimens(fd, times), 0);
        (void)close(fd);
        if (i % 50 == 49) {
            assert_in_range(files_below(in_dir(f, "cache")), i < 80 ? 40 : 75, 112);
        }
    }
    assert_int_equal(store_cache_get(f->store, "value 0", &fd, &len), E_NOT_FOUND);
    assert_int_equal(store_cache_get(f->store, "value 450", &fd, &len), E_OK);
    (void)close(fd);
}

// `test_store bench [bytes]`: how long a batch takes to become durable, by its size.
static int bench(size_t size) {
    static const int counts[] = {1, 4, 8, 16, 17, 32, 64, 256};
    void *state = NULL;
    struct err e = {0};
    (void)set_up(&state);
    struct fixture *f = state;
    struct store_delivery *d = deliver(f->store);
    uint8_t *bytes = mem_zalloc(size);
    uint64_t serial = 0;
    for (size_t n = 0; n < sizeof counts / sizeof counts[0]; n++) {
        usec writing = 0, syncing = 0;
        int rounds = 256 / counts[n] < 5 ? 3 : 5;
        for (int r = 0; r < rounds; r++) {
            usec at = clock_monotonic(clock_system());
            for (int i = 0; i < counts[n]; i++) {
                struct store_item item;
                bool is_new;
                serial++;
                memcpy(bytes, &serial, sizeof serial);
                (void)store_item_begin(d, &item, &e);
                (void)store_item_write(&item, bytes, size, &e);
                (void)store_item_seal(&item, &e);
                (void)store_promote(f->store, &item, &is_new, &e);
            }
            usec middle = clock_monotonic(clock_system());
            (void)store_sync(f->store, &e);
            writing += middle - at;
            syncing += clock_monotonic(clock_system()) - middle;
        }
        printf("%3d files: write %8.2f ms, sync %8.2f ms\n", counts[n],
               (double)writing / 1000 / rounds, (double)syncing / 1000 / rounds);
    }
    mem_free(bytes);
    store_delivery_close(d);
    return tear_down(&state);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "bench") == 0) {
        return bench(argc > 2 ? strtoul(argv[2], NULL, 10) : 530000);
    }
#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(an_arrival_becomes_an_object),
        IN_FOLDER(the_same_bytes_are_one_object),
        IN_FOLDER(files_are_copied_whole),
        IN_FOLDER(many_objects_sync_as_few),
        IN_FOLDER(damage_is_found),
        IN_FOLDER(walking_tells_objects_from_strays),
        IN_FOLDER(a_full_disk_leaves_nothing_half),
        IN_FOLDER(a_file_too_large_for_the_limits_leaves_nothing),
        IN_FOLDER(a_folder_that_is_none_is_named),
        IN_FOLDER(a_second_server_is_told_who),
        IN_FOLDER(the_sweep_is_alone),
        IN_FOLDER(what_a_dead_process_left_is_swept),
        IN_FOLDER(intakes_run_side_by_side),
        IN_FOLDER(the_cache_keeps_whole_values_only),
        IN_FOLDER(the_cache_keeps_near_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

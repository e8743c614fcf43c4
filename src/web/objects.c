// SPDX-License-Identifier: Apache-2.0
// A table of slots by hash with a list from the last used to the longest unused.
#include "web/objects.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/archive.h"
#include "base/err.h"
#include "base/mem.h"
#include "store/store.h"

#define BUCKETS 512u

struct slot {
    struct web_object object; // first: a slot is found from it
    struct slot *next;        // in the bucket
    struct slot *newer, *older;
    unsigned users;
    bool dropped; // out of the table: ends with its last user
};

struct web_objects {
    struct archive *archive;
    pthread_mutex_t lock;
    struct slot *buckets[BUCKETS];
    struct slot *newest, *oldest;
    size_t count;
};

int web_objects_new(struct archive *a, struct web_objects **ret_objects, struct err *e) {
    struct web_objects *o = mem_zalloc(sizeof *o);
    if (o == NULL) {
        return err_set(e, E_MEMORY, "open objects");
    }
    o->archive = a;
    pthread_mutex_init(&o->lock, NULL);
    *ret_objects = o;
    return E_OK;
}

static void slot_free(struct slot *s) {
    (void)close(s->object.fd);
    mem_free(s);
}

void web_objects_free(struct web_objects *o) {
    if (o == NULL) {
        return;
    }
    while (o->newest != NULL) {
        struct slot *s = o->newest;
        o->newest = s->older;
        slot_free(s);
    }
    pthread_mutex_destroy(&o->lock);
    mem_free(o);
}

static struct slot **bucket_of(struct web_objects *o, const struct hash *hash) {
    return &o->buckets[(hash->bytes[0] | (unsigned)hash->bytes[1] << 8) % BUCKETS];
}

static void unlink_use(struct web_objects *o, struct slot *s) {
    *(s->newer != NULL ? &s->newer->older : &o->newest) = s->older;
    *(s->older != NULL ? &s->older->newer : &o->oldest) = s->newer;
}

static void link_newest(struct web_objects *o, struct slot *s) {
    s->newer = NULL;
    s->older = o->newest;
    *(o->newest != NULL ? &o->newest->newer : &o->oldest) = s;
    o->newest = s;
}

static struct slot *find(struct web_objects *o, const struct hash *hash) {
    for (struct slot *s = *bucket_of(o, hash); s != NULL; s = s->next) {
        if (hash_eq(&s->object.hash, hash)) {
            return s;
        }
    }
    return NULL;
}

static void drop(struct web_objects *o, struct slot *s) {
    struct slot **at = bucket_of(o, &s->object.hash);
    while (*at != s) {
        at = &(*at)->next;
    }
    *at = s->next;
    unlink_use(o, s);
    o->count--;
    if (s->users == 0) {
        slot_free(s);
    } else {
        s->dropped = true;
    }
}

static void insert(struct web_objects *o, struct slot *s) {
    struct slot **bucket = bucket_of(o, &s->object.hash);
    s->next = *bucket;
    *bucket = s;
    link_newest(o, s);
    if (++o->count > WEB_OBJECTS_OPEN_MAX) {
        drop(o, o->oldest);
    }
}

static int open_slot(struct web_objects *o, const struct hash *hash, struct slot **ret_slot,
                     struct err *e) {
    struct slot *s = mem_zalloc(sizeof *s);
    struct stat st;
    if (s == NULL) {
        return err_set(e, E_MEMORY, "open object");
    }
    s->object.hash = *hash;
    int rc = store_object_open(archive_store(o->archive), hash, &s->object.fd, e);
    if (rc != E_OK) {
        mem_free(s);
        return rc;
    }
    if (fstat(s->object.fd, &st) != 0) {
        rc = err_set_errno(e, errno, "object");
        slot_free(s);
        return rc;
    }
    s->object.len = (uint64_t)st.st_size;
    *ret_slot = s;
    return E_OK;
}

int web_object_open(struct web_objects *o, const struct hash *hash,
                    const struct web_object **ret_object, struct err *e) {
    pthread_mutex_lock(&o->lock);
    struct slot *s = find(o, hash);
    if (s != NULL) {
        unlink_use(o, s);
        link_newest(o, s);
        s->users++;
    }
    pthread_mutex_unlock(&o->lock);
    if (s == NULL) {
        int rc = open_slot(o, hash, &s, e);
        if (rc != E_OK) {
            return rc;
        }
        s->users = 1;
        pthread_mutex_lock(&o->lock);
        if (find(o, hash) == NULL) {
            insert(o, s);
        } else {
            s->dropped = true; // somebody else was faster: ours serves once
        }
        pthread_mutex_unlock(&o->lock);
    }
    *ret_object = &s->object;
    return E_OK;
}

void web_object_done(struct web_objects *o, const struct web_object *object) {
    if (object == NULL) {
        return;
    }
    struct slot *s = (struct slot *)(uintptr_t)object;
    pthread_mutex_lock(&o->lock);
    bool last = --s->users == 0 && s->dropped;
    pthread_mutex_unlock(&o->lock);
    if (last) {
        slot_free(s);
    }
}

bool web_object_map(const struct web_object *object, uint64_t offset, uint64_t len,
                    struct web_map *ret_map) {
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t first = offset & ~(page - 1);
    if (len == 0 || offset > object->len || len > object->len - offset) {
        return false;
    }
    size_t span = (size_t)(offset - first + len);
    void *address =
        mmap(NULL, span, PROT_READ, MAP_SHARED | MAP_POPULATE, object->fd, (off_t)first);
    if (address == MAP_FAILED) {
        return false;
    }
    *ret_map = (struct web_map){slice_of((uint8_t *)address + (offset - first), (size_t)len),
                                address, span};
    return true;
}

void web_object_unmap(struct web_map *map) {
    if (map->address != NULL) {
        (void)munmap(map->address, map->len);
        *map = (struct web_map){0};
    }
}

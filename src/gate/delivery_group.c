// SPDX-License-Identifier: Apache-2.0
// What is known only of all files together: a patient's first day, the names that any of its files
// tells, and pixels that came twice.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "gate/delivery_priv.h"

#define BUCKETS 4096u
#define SUBJECT_MAX ((size_t)8 << 20)
#define TERMS_MAX ((size_t)384 << 10) // of a patient, in a request

static uint32_t bucket_of(const char *name) {
    uint32_t h = 2166136261u;
    for (; *name != '\0'; name++) {
        h = (h ^ (uint8_t)*name) * 16777619u;
    }
    return h % BUCKETS;
}

static struct patient *find_patient(struct gate_delivery *d, const char *name, struct err *e) {
    if (d->buckets == NULL) {
        d->buckets = mem_array(BUCKETS, sizeof(struct patient *));
    }
    if (d->buckets == NULL) {
        (void)err_set(e, E_MEMORY, "patients");
        return NULL;
    }
    struct patient **bucket = &d->buckets[bucket_of(name)];
    for (struct patient *p = *bucket; p != NULL; p = p->next) {
        if (strcmp(p->name, name) == 0) {
            return p;
        }
    }
    struct patient *p = mem_zalloc(sizeof *p);
    if (p == NULL) {
        (void)err_set(e, E_MEMORY, "patients");
        return NULL;
    }
    memcpy(p->name, name, sizeof p->name);
    arena_init(&p->arena, SUBJECT_MAX);
    buf_init(&p->terms, TERMS_MAX);
    p->subject = gate_subject_new(&p->arena);
    p->next = *bucket;
    *bucket = p;
    d->tally.patients++;
    return p;
}

void delivery_patients_free(struct gate_delivery *d) {
    for (uint32_t i = 0; d->buckets != NULL && i < BUCKETS; i++) {
        for (struct patient *p = d->buckets[i]; p != NULL;) {
            struct patient *next = p->next;
            gate_wire_wipe(&p->terms);
            buf_done(&p->terms);
            arena_done(&p->arena);
            mem_free(p);
            p = next;
        }
    }
    mem_free(d->buckets);
    d->buckets = NULL;
}

static int take_terms(struct patient *p, struct item *item, struct err *e) {
    struct gate_passed passed;
    struct arena a;
    if (p->packs > 0 && hash_eq(&p->last_pack, &item->terms)) {
        return E_OK;
    }
    arena_init(&a, DELIVERY_ANSWER_MAX);
    int rc = delivery_answer(item, &a, &passed, e);
    if (rc == E_OK && p->subject != NULL && passed.terms.len > 0) {
        struct err ignored = {0}; // bytes that are no terms are not taken
        (void)gate_subject_unpack(p->subject, passed.terms, &ignored);
    }
    p->last_pack = item->terms;
    p->packs++;
    arena_done(&a);
    return rc;
}

static int take_item(struct gate_delivery *d, struct item *item, struct err *e) {
    if (!item->passed || item->origin.patient[0] == '\0') {
        return E_OK;
    }
    struct patient *p = find_patient(d, item->origin.patient, e);
    if (p == NULL) {
        return e->code;
    }
    item->patient = p;
    if (item->origin.has_day) {
        int32_t day = item->origin.study_day;
        p->first_day = !p->has_day || day < p->first_day ? day : p->first_day;
        p->last_day = !p->has_day || day > p->last_day ? day : p->last_day;
        p->has_day = true;
    }
    return item->verdict == GATE_REFUSED ? E_OK : take_terms(p, item, e);
}

static void pack_terms(struct item *item) {
    struct patient *p = item->patient;
    if (p != NULL && p->packs > 1 && p->terms.len == 0 && p->subject != NULL) {
        gate_subject_pack(p->subject, &p->terms);
        if (p->terms.failed) { // more than a request can take: none, and nobody is let through
            buf_clear(&p->terms);
            p->packs = 0;
        }
    }
}

static bool is_late(const struct item *item) {
    return item->origin.has_day && item->origin.study_day != item->patient->first_day;
}

int delivery_group(struct gate_delivery *d, struct err *e) {
    int rc = E_OK;
    for (uint32_t i = 0; i < d->count && rc == E_OK; i++) {
        rc = take_item(d, d->items[i], e);
    }
    for (uint32_t i = 0; i < d->count && rc == E_OK; i++) {
        struct item *item = d->items[i];
        pack_terms(item);
        if (item->patient == NULL || !item->passed || !item->written) {
            continue;
        }
        item->again = is_late(item);
        if (!item->again && item->patient->packs > 1) {
            if (d->options.door->open_written == NULL) {
                item->again = true;
            } else if (!delivery_submit(d, delivery_search, item)) {
                rc = err_set(e, E_MEMORY, "delivery");
            }
        }
    }
    delivery_wait(d);
    return rc;
}

// --- doubles

struct key {
    const uint8_t *digest;
    uint32_t index;
};

static int compare(const void *a, const void *b) {
    const struct key *x = a;
    const struct key *y = b;
    int order = memcmp(x->digest, y->digest, 32);
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

static bool counts(const struct item *item) {
    return item->passed && item->examined && item->verdict != GATE_REFUSED && item->frames > 0;
}

// The one that came first stays; the same pixels as another patient's are for a person.
static void mark_doubles(struct gate_delivery *d, const struct key *keys, uint32_t count) {
    for (uint32_t i = 1, first = 0; i < count; i++) {
        struct item *one = d->items[keys[first].index];
        struct item *other = d->items[keys[i].index];
        if (memcmp(keys[first].digest, keys[i].digest, 32) != 0) {
            first = i;
        } else if (strcmp(one->origin.patient, other->origin.patient) != 0) {
            delivery_object(other, GATE_REASON_SAME_PIXELS);
        }
    }
}

static int doubles_of_pixels(struct gate_delivery *d, struct err *e) {
    if (!d->options.hold_doubles || d->count == 0) {
        return E_OK;
    }
    struct key *keys = mem_array(d->count, sizeof *keys);
    if (keys == NULL) {
        return err_set(e, E_MEMORY, "doubles");
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < d->count; i++) {
        if (counts(d->items[i])) {
            keys[count++] = (struct key){d->items[i]->pixel_digest, i};
        }
    }
    qsort(keys, count, sizeof *keys, compare);
    mark_doubles(d, keys, count);
    mem_free(keys);
    return E_OK;
}

// --- one identity, two contents

static int compare_names(const void *a, const void *b) {
    const struct item *const *x = a;
    const struct item *const *y = b;
    int order = strcmp((*x)->sop_instance, (*y)->sop_instance);
    order = order != 0 ? order : strcmp((*x)->series, (*y)->series);
    order = order != 0 ? order : strcmp((*x)->study, (*y)->study);
    return order != 0 ? order : strcmp((*x)->origin.patient, (*y)->origin.patient);
}

static bool digest_input(struct gate_delivery *d, const struct item *item, struct hash *ret_hash) {
    const struct gate_door *door = d->options.door;
    struct err ignored = {0};
    uint8_t piece[65536];
    CLEANUP(cleanup_fd) int fd = -1;
    struct hash_stream *h = hash_stream_new();
    bool fine = h != NULL && door->open_in(door->context, item->tag, &fd, &ignored) == E_OK;
    ssize_t n = 0;
    for (off_t at = 0; fine && (n = pread(fd, piece, sizeof piece, at)) > 0; at += n) {
        hash_stream_add(h, piece, (size_t)n);
    }
    if (h != NULL) {
        *ret_hash = hash_stream_end(h);
    }
    hash_stream_free(h);
    return fine && n == 0;
}

// Of several contents under one name the one with the smallest digest keeps it, whatever the order
// they came in; the others are for a person. Copies of one content are one instance.
static void settle_name(struct gate_delivery *d, struct item **items, uint32_t count) {
    struct hash least;
    bool has = false;
    for (uint32_t i = 0; i < count; i++) {
        struct hash *digest = &items[i]->terms; // not needed any more
        if (!digest_input(d, items[i], digest)) {
            memset(digest, 0xFF, sizeof *digest);
        }
        if (!has || memcmp(digest, &least, sizeof least) < 0) {
            least = *digest;
            has = true;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!hash_eq(&items[i]->terms, &least)) {
            delivery_object(items[i], GATE_REASON_SAME_UID);
        }
    }
}

static int doubles_of_names(struct gate_delivery *d, struct err *e) {
    struct item **items = mem_array(d->count + 1, sizeof(struct item *));
    uint32_t n = 0;
    if (items == NULL) {
        return err_set(e, E_MEMORY, "doubles");
    }
    for (uint32_t i = 0; i < d->count; i++) {
        struct item *item = d->items[i];
        if (item->passed && item->written && item->sop_instance[0] != '\0') {
            items[n++] = item;
        }
    }
    if (n > 0) {
        qsort(items, n, sizeof(struct item *), compare_names);
    }
    for (uint32_t from = 0, end; from < n; from = end) {
        for (end = from + 1; end < n && compare_names(&items[from], &items[end]) == 0;) {
            end++;
        }
        if (end - from > 1) {
            settle_name(d, items + from, end - from);
        }
    }
    mem_free(items);
    return E_OK;
}

int delivery_doubles(struct gate_delivery *d, struct err *e) {
    int rc = doubles_of_pixels(d, e);
    return rc == E_OK ? doubles_of_names(d, e) : rc;
}

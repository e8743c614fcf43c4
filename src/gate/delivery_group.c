// SPDX-License-Identifier: Apache-2.0
// What is known only of all files together: a patient's first day, the names that any of its files
// tells, and pixels that came twice.
#include <stdlib.h>
#include <string.h>

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

int delivery_doubles(struct gate_delivery *d, struct err *e) {
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

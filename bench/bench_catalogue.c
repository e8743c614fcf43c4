// SPDX-License-Identifier: Apache-2.0
// A generated catalogue of many studies (rows only, no objects), and the time that searches in it
// take in process. bench_query.sh serves the same folder and measures over HTTP.
//   bench_catalogue make DIR STUDIES     bench_catalogue run DIR [ROUNDS]
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "archive/catalogue.h"
#include "archive/record.h"
#include "archive/register.h"
#include "archive/schema.h"
#include "archive/search.h"
#include "archive/segment.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/rng.h"
#include "db/db.h"
#include "dicom/tags.h"

#define BATCH 500

static const char *const families[] = {"Abbott",  "Baker",  "Castro", "Diallo", "Eriksson",
                                       "Fischer", "Garcia", "Hansen", "Ivanov", "Jansen"};
static const char *const modalities[] = {"CT", "CT", "MR", "CR", "DX", "US", "MG", "PT"};
static const char *const parts[] = {"CHEST", "ABDOMEN", "HEAD", "KNEE", "SPINE", ""};

static int fail(const struct err *e) {
    char line[600];
    (void)fprintf(stderr, "bench_catalogue: %s\n", err_line(e, line, sizeof line));
    return 1;
}

struct texts {
    char text[ATTRIBUTE_EXTRACTED][96];
};

static void set(struct texts *t, enum attribute_id id, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void set(struct texts *t, enum attribute_id id, const char *format, ...) {
    va_list list;
    va_start(list, format);
    (void)vsnprintf(t->text[id], sizeof t->text[id], format, list);
    va_end(list);
}

// Study number n; the same on every run.
static void make_record(uint64_t n, struct texts *t, struct record *r) {
    struct rng g = rng_seeded(n + 1);
    memset(t, 0, sizeof *t);
    unsigned patient = (unsigned)rng_below(&g, 60000);
    unsigned modality = (unsigned)rng_below(&g, 8);
    set(t, ATTRIBUTE_study_uid, "2.25.1%010llu", (unsigned long long)n);
    set(t, ATTRIBUTE_series_uid, "2.25.2%010llu", (unsigned long long)n);
    set(t, ATTRIBUTE_sop_instance, "2.25.3%010llu", (unsigned long long)n);
    set(t, ATTRIBUTE_sop_class, "1.2.840.10008.5.1.4.1.1.2");
    set(t, ATTRIBUTE_patient_name, "%s^Case%05u", families[patient % 10], patient);
    set(t, ATTRIBUTE_patient_id, "C%07u", patient);
    set(t, ATTRIBUTE_sex, "%s", patient % 2 == 0 ? "F" : "M");
    set(t, ATTRIBUTE_birth_date, "%04u0%u1%u", 1930 + patient % 70, 1 + patient % 9, patient % 9);
    set(t, ATTRIBUTE_study_date, "%04u%02u%02u", 2010 + (unsigned)rng_below(&g, 16),
        1 + (unsigned)rng_below(&g, 12), 1 + (unsigned)rng_below(&g, 28));
    set(t, ATTRIBUTE_study_time, "%02u%02u00", (unsigned)rng_below(&g, 24),
        (unsigned)rng_below(&g, 60));
    set(t, ATTRIBUTE_accession, "A%08llu", (unsigned long long)n);
    set(t, ATTRIBUTE_study_id, "S%07llu", (unsigned long long)n);
    set(t, ATTRIBUTE_referring, "%s^Doctor", families[rng_below(&g, 10)]);
    set(t, ATTRIBUTE_modality, "%s", modalities[modality]);
    set(t, ATTRIBUTE_body_part, "%s", parts[rng_below(&g, 6)]);
    set(t, ATTRIBUTE_study_description, "%s %s study %u", modalities[modality],
        t->text[ATTRIBUTE_body_part], (unsigned)rng_below(&g, 1000));
    set(t, ATTRIBUTE_series_description, "axial %u", (unsigned)rng_below(&g, 10));
    set(t, ATTRIBUTE_series_number, "1");
    set(t, ATTRIBUTE_instance_number, "1");
    for (size_t i = 0; i < ATTRIBUTE_EXTRACTED; i++) {
        r->texts[i] = slice_str(t->text[i]);
    }
    r->syntax = slice_str("1.2.840.10008.1.2.1");
    r->frames = r->samples = 1;
    r->rows = r->columns = 512;
    r->bits_allocated = 16;
    r->pixel_problem = slice_str("");
}

static int make_batch(struct db *db, uint64_t from, uint64_t to, const struct record *like,
                      struct err *e) {
    struct register_batch *b;
    int rc = register_begin(db, CLOCK_SECOND * 1700000000, &b, e);
    if (rc != E_OK) {
        return rc;
    }
    for (uint64_t n = from; rc == E_OK && n < to; n++) {
        struct texts texts;
        struct record r = *like;
        make_record(n, &texts, &r);
        struct hash object = hash_of(r.texts[ATTRIBUTE_sop_instance]);
        rc = register_add(b, &r, &object, 530618, e);
    }
    if (rc != E_OK) {
        register_rollback(b);
        return rc;
    }
    return register_commit(b, e);
}

static int open_catalogue(const char *dir, struct db **ret_db, struct err *e) {
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/catalogue.db", dir);
    int rc = file_make_dirs(dir, 0700, e);
    rc = rc == E_OK ? db_open(path, DB_READ_WRITE, ret_db, e) : rc;
    return rc == E_OK ? schema_bring(*ret_db, e) : rc;
}

static int make(const char *dir, uint64_t studies) {
    static const char metadata[] = "{\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]}}";
    struct buf segment CLEANUP(cleanup_buf);
    struct err e = {0};
    struct db *db;
    buf_init(&segment, 4096);
    int rc = open_catalogue(dir, &db, &e);
    rc = rc == E_OK ? segment_make(slice_str(metadata), &segment, &e) : rc;
    struct record like = {.metadata = buf_slice(&segment),
                          .metadata_len = sizeof metadata - 1,
                          .metadata_crc = segment_crc(slice_str(metadata))};
    for (uint64_t n = 0; rc == E_OK && n < studies; n += BATCH) {
        rc = make_batch(db, n, n + BATCH < studies ? n + BATCH : studies, &like, &e);
    }
    rc = rc == E_OK ? db_optimize(db, &e) : rc;
    db_close(db);
    return rc == E_OK ? 0 : fail(&e);
}

// --- measuring

static double now_ms(clockid_t clock) {
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static int count_row(const struct search_row *row, void *context) {
    (void)row;
    ++*(uint64_t *)context;
    return 0;
}

enum kind { BY_ID, BY_NAME, BY_MONTH, ALL, BY_MODALITY, PAGE_ALL, PAGE_WORD, KINDS };
static const char *const kind_names[] = {"PatientID exact",        "name prefix, deep offset",
                                         "one month, deep offset", "all, deep offset",
                                         "ModalitiesInStudy=MG",   "page: all, facets",
                                         "page: two words, facets"};

static int run_search(struct db *db, enum kind kind, struct rng *g, struct err *e) {
    char value[64];
    struct search_key key = {.tag = DCM_PatientID};
    struct search_query q = {.level = SEARCH_STUDY, .keys = &key, .key_count = 1, .limit = 25};
    unsigned year = 2010 + (unsigned)rng_below(g, 16);
    unsigned month = 1 + (unsigned)rng_below(g, 12);
    switch (kind) {
    case BY_ID:
        (void)snprintf(value, sizeof value, "C%07u", (unsigned)rng_below(g, 60000));
        break;
    case BY_NAME:
        key.tag = DCM_PatientName;
        (void)snprintf(value, sizeof value, "%.4s*", families[rng_below(g, 10)]);
        q.offset = 5000 + rng_below(g, 4000);
        break;
    case BY_MONTH:
        key.tag = DCM_StudyDate;
        (void)snprintf(value, sizeof value, "%04u%02u01-%04u%02u31", year, month, year, month);
        q.offset = rng_below(g, 450);
        break;
    case BY_MODALITY:
        key.tag = DCM_ModalitiesInStudy;
        (void)snprintf(value, sizeof value, "MG");
        break;
    default:
        value[0] = '\0';
        q.offset = rng_below(g, 99000);
        break;
    }
    key.value = slice_str(value);
    uint64_t rows = 0;
    return search_run(db, &q, count_row, &rows, NULL, e);
}

static int run_page(struct db *db, enum kind kind, struct rng *g, struct err *e) {
    struct arena a;
    struct catalogue_page page;
    char words[64];
    struct catalogue_query q = {.limit = 100, .offset = rng_below(g, 1000)};
    (void)snprintf(words, sizeof words, "%.3s ch", families[rng_below(g, 10)]);
    q.words = slice_str(kind == PAGE_WORD ? words : "");
    arena_init(&a, (size_t)64 << 20);
    int rc = catalogue_search(db, &q, &a, &page, e);
    arena_done(&a);
    return rc;
}

static int run(const char *dir, unsigned rounds) {
    struct err e = {0};
    struct db *db;
    int rc = open_catalogue(dir, &db, &e);
    double *times = calloc(rounds, sizeof *times);
    double *busy = calloc(rounds, sizeof *busy); // processor time: what a calm machine would show
    if (rc != E_OK || times == NULL || busy == NULL) {
        return fail(&e);
    }
    struct rng g = rng_seeded(7);
    for (int kind = 0; rc == E_OK && kind < KINDS; kind++) {
        for (unsigned i = 0; rc == E_OK && i < rounds; i++) {
            double start = now_ms(CLOCK_MONOTONIC);
            double start_busy = now_ms(CLOCK_THREAD_CPUTIME_ID);
            rc = kind < PAGE_ALL ? run_search(db, (enum kind)kind, &g, &e)
                                 : run_page(db, (enum kind)kind, &g, &e);
            times[i] = now_ms(CLOCK_MONOTONIC) - start;
            busy[i] = now_ms(CLOCK_THREAD_CPUTIME_ID) - start_busy;
        }
        if (rc != E_OK) {
            break;
        }
        qsort(times, rounds, sizeof *times, by_value);
        qsort(busy, rounds, sizeof *busy, by_value);
        (void)printf("%-26s p50 %7.3f ms  p99 %7.3f ms  max %7.3f ms  processor p50 %7.3f ms  p99 "
                     "%7.3f ms\n",
                     kind_names[kind], times[rounds / 2], times[rounds * 99 / 100],
                     times[rounds - 1], busy[rounds / 2], busy[rounds * 99 / 100]);
    }
    free(times);
    free(busy);
    db_close(db);
    return rc == E_OK ? 0 : fail(&e);
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "make") == 0) {
        return make(argv[2], strtoull(argv[3], NULL, 10));
    }
    if (argc >= 3 && strcmp(argv[1], "run") == 0) {
        unsigned long rounds = argc > 3 ? strtoul(argv[3], NULL, 10) : 1000;
        return run(argv[2], rounds < 1 ? 1 : (unsigned)rounds);
    }
    (void)fputs("usage: bench_catalogue make DIR STUDIES | run DIR [ROUNDS]\n", stderr);
    return 2;
}

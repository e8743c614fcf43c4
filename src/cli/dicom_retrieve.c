// SPDX-License-Identifier: Apache-2.0
#include "cli/dicom_retrieve.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "dicom/dataset.h"
#include "dicom/part10.h"
#include "dicom/tags.h"
#include "dicom/uid.h"
#include "dimse/user.h"

#define ARENA_BYTES_MAX ((size_t)256 << 20)
#define FAILED_BYTES_MAX ((size_t)64 << 20)
#define LINE_MAX_BYTES ((size_t)64 << 20)

// --- interrupts

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number) {
    (void)signal_number;
    interrupted = 1;
}

void retrieve_catch_interrupt(void) {
    struct sigaction action = {.sa_handler = on_interrupt,
                               .sa_flags = (int)SA_RESETHAND | SA_RESTART};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

bool retrieve_interrupted(void) { return interrupted != 0; }

// --- words

void retrieve_init(struct retrieve *r, const char *command) {
    *r = (struct retrieve){.level = QUERY_STUDY};
    dicom_link_init(&r->link, command);
    arena_init(&r->arena, ARENA_BYTES_MAX);
    buf_init(&r->failed, FAILED_BYTES_MAX);
    r->started = clock_monotonic(clock_system());
}

void retrieve_done(struct retrieve *r) {
    dicom_link_done(&r->link);
    arena_done(&r->arena);
    buf_done(&r->failed);
}

int retrieve_option(struct retrieve *r, int option, const char *value) {
    switch (option) {
    case RETRIEVE_PATIENT:
    case RETRIEVE_STUDY:
    case RETRIEVE_SERIES:
    case RETRIEVE_IMAGE:
        r->level = (enum query_level)(option - RETRIEVE_PATIENT);
        return 1;
    case RETRIEVE_PATIENT_ROOT:
        r->patient_root = true;
        return 1;
    case RETRIEVE_RELATIONAL:
        r->relational = true;
        return 1;
    case 'k':
        if (r->key_count == RETRIEVE_KEYS_MAX) {
            cli_complain("%s: more than %d keys", r->link.command, RETRIEVE_KEYS_MAX);
            return -1;
        }
        r->keys[r->key_count++] = value;
        return 1;
    default:
        return dicom_link_option(&r->link, option, value);
    }
}

int retrieve_words(struct retrieve *r, int argc, char **argv) {
    const char *command = r->link.command;
    if (argc == 0) {
        cli_complain("%s: no PEER; `maclab %s --help` tells more", command, command);
        return CLI_MISUSE;
    }
    r->uids = argv + 1;
    r->uid_count = (size_t)argc - 1;
    if (r->uid_count == 0 && r->key_count == 0) {
        cli_complain("%s: nothing is named to retrieve: UIDs or keys", command);
        return CLI_MISUSE;
    }
    for (size_t i = 0; r->level != QUERY_PATIENT && i < r->uid_count; i++) {
        if (!dcm_uid_usable(slice_str(r->uids[i]))) {
            cli_complain("%s: '%s' is no UID", command, r->uids[i]);
            return CLI_MISUSE;
        }
    }
    return CLI_OK;
}

int retrieve_query(struct retrieve *r, enum query_level level, struct query *ret_query,
                   struct err *e) {
    // UIDs need no character set.
    const char *charset = r->level == QUERY_PATIENT ? NULL : QUERY_CHARSET_NONE;
    int rc = query_init(ret_query, &r->arena, level, r->patient_root || r->level == QUERY_PATIENT,
                        charset, e);
    ret_query->relational = r->relational;
    for (size_t i = 0; rc == E_OK && i < r->key_count; i++) {
        rc = query_add(ret_query, r->keys[i], e);
    }
    return rc;
}

// --- one request

struct running {
    struct retrieve *r;
    uint64_t before; // completed, of earlier requests
};

static int on_progress(void *context, const struct dimse_command *response) {
    struct running *run = context;
    struct retrieve *r = run->r;
    if ((response->has & DIMSE_HAS_COUNTS) != 0) {
        uint64_t done = (uint64_t)response->completed + response->failed + response->warning;
        r->progress.total = (response->has & DIMSE_HAS_REMAINING) != 0
                                ? run->before + done + response->remaining
                                : r->progress.total;
        cli_progress_step(&r->progress, run->before + done);
    }
    return retrieve_interrupted();
}

// The Failed SOP Instance UID List of a final response.
static void note_failed(struct retrieve *r, struct slice identifier, const char *syntax) {
    const struct dcm_transfer_syntax *s = dcm_transfer_syntax_find(slice_str(syntax));
    struct arena arena;
    struct dcm_dataset *d;
    struct err why = {0};
    struct slice uid;
    arena_init(&arena, ARENA_BYTES_MAX);
    if (s != NULL && identifier.len > 0 &&
        dcm_dataset_read(&arena, identifier, dcm_encoding_of(s), 0, 0, &d, NULL, &why) == E_OK) {
        for (uint32_t i = 0; dcm_text(d, DCM_FailedSOPInstanceUIDList, i, &uid); i++) {
            if (dcm_uid_usable(uid)) {
                buf_put_slice(&r->failed, uid);
                buf_put_byte(&r->failed, '\n');
            }
        }
    }
    arena_done(&arena);
}

static void sum_up(struct retrieve *r, const struct dimse_command *response) {
    struct retrieve_sums *s = &r->sums;
    enum dimse_status_kind kind = dimse_status_kind(response->status);
    if ((response->has & DIMSE_HAS_COUNTS) != 0) {
        s->completed += response->completed;
        s->failed += response->failed;
        s->warning += response->warning;
    }
    s->remaining += (response->has & DIMSE_HAS_REMAINING) != 0 ? response->remaining : 0;
    s->cancelled = s->cancelled || kind == DIMSE_IS_CANCEL;
    if (kind != DIMSE_IS_SUCCESS && dimse_status_kind(s->status) != DIMSE_IS_FAILURE) {
        s->status = response->status;
    }
    if (kind == DIMSE_IS_FAILURE) {
        char words[DIMSE_STATUS_TEXT_MAX];
        char comment[DIMSE_COMMENT_MAX + 1];
        cli_progress_end(&r->progress);
        cli_complain("%s: %s answers %s%s%s", r->link.command, r->link.peer_text,
                     dimse_status_text(response->status, words),
                     *response->comment != '\0' ? ": " : "",
                     dicom_link_clean(response->comment, comment, sizeof comment));
    }
}

int retrieve_run(struct retrieve *r, struct dimse_association *a, struct query *q,
                 const char *const *uids, size_t count, const char *destination,
                 const struct dimse_sink *sink, struct err *e) {
    const char *class = query_sop_class(q, destination != NULL ? QUERY_MOVE : QUERY_GET);
    const struct dimse_context *c = dimse_context_for(a, class, NULL, false);
    if (c == NULL) {
        return err_set(e, E_NOT_ACCEPTABLE, "the peer does not accept %s",
                       dcm_uid_find(slice_str(class))->name);
    }
    CLEANUP(cleanup_buf) struct buf identifier;
    CLEANUP(cleanup_buf) struct buf failed;
    buf_init(&identifier, DIMSE_IDENTIFIER_MAX);
    buf_init(&failed, FAILED_BYTES_MAX);
    int rc = count > 0 ? query_put_list(q, query_unique_key(q->level), uids, count, e) : E_OK;
    rc = rc == E_OK ? query_write(q, c->syntax, &identifier, e) : rc;
    if (rc != E_OK) {
        return rc;
    }
    struct dimse_query query = {.sop_class = class,
                                .context_id = c->id,
                                .identifier = buf_slice(&identifier),
                                .destination = destination,
                                .failed = &failed};
    struct running run = {r, r->sums.completed + r->sums.failed + r->sums.warning};
    struct dimse_command response;
    char syntax[DCM_UID_MAX + 1];
    (void)snprintf(syntax, sizeof syntax, "%s", c->syntax);
    rc = destination != NULL ? dimse_user_move(a, &query, on_progress, &run, &response, e)
                             : dimse_user_get(a, &query, sink, on_progress, &run, &response, e);
    if (rc != E_OK) {
        return err_context(e, "%s", r->link.peer_text);
    }
    sum_up(r, &response);
    note_failed(r, buf_slice(&failed), syntax);
    return E_OK;
}

int retrieve_all(struct retrieve *r, struct dimse_association *a, struct query *q,
                 const char *const *uids, size_t count, const char *destination,
                 const struct dimse_sink *sink, struct err *e) {
    int rc = E_OK;
    size_t done = 0;
    do {
        size_t some = count - done < RETRIEVE_LIST_MAX ? count - done : RETRIEVE_LIST_MAX;
        // Above instances one at a time: not every peer takes a list there.
        some = q->level < QUERY_IMAGE && some > 1 ? 1 : some;
        rc = retrieve_run(r, a, q, uids + done, some, destination, sink, e);
        done += some;
    } while (rc == E_OK && done < count && !r->sums.cancelled && !retrieve_interrupted());
    return rc;
}

// --- the end

static void print_json(struct retrieve *r, bool received_here, double seconds) {
    const struct retrieve_sums *s = &r->sums;
    CLEANUP(cleanup_buf) struct buf out;
    struct json j;
    buf_init(&out, LINE_MAX_BYTES);
    json_init(&j, &out);
    json_begin_object(&j);
    json_member_i64(&j, "status", s->status);
    json_member_i64(&j, "completed", (int64_t)s->completed);
    json_member_i64(&j, "failed", (int64_t)s->failed);
    json_member_i64(&j, "warning", (int64_t)s->warning);
    json_member_i64(&j, "remaining", (int64_t)s->remaining);
    json_member_bool(&j, "cancelled", s->cancelled);
    if (received_here) {
        json_member_i64(&j, "files", (int64_t)s->files);
        json_member_i64(&j, "bytes", (int64_t)s->bytes);
        json_member_i64(&j, "present", (int64_t)s->present);
    }
    json_name(&j, "seconds");
    json_double(&j, seconds);
    json_name(&j, "failed_instances");
    json_begin_array(&j);
    struct slice rest = buf_slice(&r->failed);
    struct slice uid;
    while (slice_split(&rest, '\n', &uid)) {
        if (uid.len > 0) {
            json_slice(&j, uid);
        }
    }
    json_end_array(&j);
    json_end_object(&j);
    buf_put_byte(&out, '\n');
    (void)fwrite(out.data, 1, out.len, stdout);
}

static void print_text(struct retrieve *r, bool received_here, double seconds) {
    const struct retrieve_sums *s = &r->sums;
    (void)printf("%llu completed, %llu failed, %llu with warnings%s",
                 (unsigned long long)s->completed, (unsigned long long)s->failed,
                 (unsigned long long)s->warning, s->cancelled ? ", cancelled" : "");
    if (received_here) {
        (void)printf("; %llu files, %.1f MB in %.2f s", (unsigned long long)s->files,
                     (double)s->bytes / 1e6, seconds);
        (void)(s->present > 0 && printf("; %llu were here", (unsigned long long)s->present));
    }
    (void)putchar('\n');
    struct slice rest = buf_slice(&r->failed);
    struct slice uid;
    while (slice_split(&rest, '\n', &uid)) {
        if (uid.len > 0) {
            (void)printf("failed    %.*s\n", (int)uid.len, (const char *)uid.ptr);
        }
    }
}

int retrieve_report(struct retrieve *r, bool received_here) {
    double seconds = (double)(clock_monotonic(clock_system()) - r->started) / 1e6;
    cli_progress_end(&r->progress);
    if (r->link.json) {
        print_json(r, received_here, seconds);
    } else {
        print_text(r, received_here, seconds);
    }
    (void)fflush(stdout);
    bool good = r->sums.status == DIMSE_SUCCESS && r->sums.failed == 0 && !r->sums.cancelled;
    return good ? CLI_OK : CLI_NO;
}

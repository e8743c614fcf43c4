// SPDX-License-Identifier: Apache-2.0
// `maclab hold`: what the gate held, decided on at the console. Pictures are the browser's
// business; who releases here says that they have looked there.
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "archive/hold.h"
#include "archive/hold_room.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/num.h"
#include "cli/cli.h"
#include "cli/tables.h"

#define MEMORY_MAX ((size_t)256 << 20)

static const char usage_text[] =
    "Usage: maclab hold list [--json]\n"
    "       maclab hold show NUMBER\n"
    "       maclab hold release NUMBER --person NAME [--choice CHOICE] [--consent REFERENCE]\n"
    "       maclab hold refuse NUMBER --person NAME --reason TEXT\n"
    "       maclab hold return NUMBER --person NAME --reason TEXT\n"
    "Instances that the gate neither released nor refused: a person decides. They lie encrypted\n"
    "until then, and are destroyed when nobody has decided in time.\n\n"
    "  release   the gate cleans it once more, as drawn in the browser; what it still finds in\n"
    "            it keeps it held\n"
    "  refuse    it is destroyed\n"
    "  return    it is destroyed, and its sender is told the reason\n\n"
    "  --data DIR        the data folder (" CLI_DATA_DEFAULT ", or $MACLAB_DATA)\n"
    "  --person NAME     who decides; where two persons must look, the second has another name\n"
    "  --reason TEXT     why\n"
    "  --scope SCOPE     instance (default), series or study: all that wait of it\n"
    "  --choice CHOICE   where a face could be seen: defaced, key-images or consent\n"
    "  --consent TEXT    the document with the patient's consent\n"
    "  --json            one object a hold\n"
    "  --help            show this\n";

struct words {
    const char *data, *arguments[2];
    int argument_count;
    bool json;
    struct hold_wish wish;
};

static int bad_usage(const char *text) {
    cli_complain("hold: %s; `maclab hold --help` tells more", text);
    return CLI_MISUSE;
}

// --- showing

static void put_reasons(struct json *j, struct slice codes) {
    struct slice code;
    json_name(j, "reasons");
    json_begin_array(j);
    while (codes.len > 0 && slice_split(&codes, ' ', &code)) {
        json_slice(j, code);
    }
    json_end_array(j);
}

static void print_json(const struct hold_row *h, bool whole) {
    CLEANUP(cleanup_buf) struct buf out;
    struct json j;
    char time[CLOCK_TEXT_LEN + 1];
    buf_init(&out, MEMORY_MAX);
    json_init(&j, &out);
    json_begin_object(&j);
    json_member_i64(&j, "hold", h->id);
    json_member_str(&j, "state", hold_state_word(h->state));
    json_member_str(&j, "delivery", h->delivery);
    json_member_str(&j, "patient", h->patient);
    json_member_str(&j, "series", h->series);
    json_member_str(&j, "modality", h->modality);
    json_member_i64(&j, "frames", h->frames);
    put_reasons(&j, h->reasons);
    json_member_str(&j, "since", clock_text(h->since, time));
    json_member_str(&j, "expires", clock_text(h->expires, time));
    json_member_str(&j, "first_by", h->first_by[0] == '\0' ? NULL : h->first_by);
    if (whole) {
        json_name(&j, "boxes");
        json_raw(&j, h->boxes);
        json_name(&j, "findings");
        json_raw(&j, h->findings);
        json_name(&j, "risk");
        json_raw(&j, h->risk);
    }
    json_end_object(&j);
    (void)printf("%.*s\n", (int)out.len, (const char *)out.data);
}

static void print_line(const struct hold_row *h) {
    char time[CLOCK_TEXT_LEN + 1];
    (void)printf("%8lld  %-13s  %.19sZ  %-4s  %-16s  %.*s\n", (long long)h->id,
                 hold_state_word(h->state), clock_text(h->since, time), h->modality, h->patient,
                 (int)h->reasons.len, (const char *)h->reasons.ptr);
}

static void print_reasons(struct slice codes) {
    struct slice code;
    while (codes.len > 0 && slice_split(&codes, ' ', &code)) {
        for (int i = 1; i < GATE_REASON_COUNT; i++) {
            if (slice_eq_str(code, gate_reason_code((enum gate_reason)i))) {
                (void)printf("  %.*s: %s\n", (int)code.len, (const char *)code.ptr,
                             gate_reason_words((enum gate_reason)i));
            }
        }
    }
}

static void print_decisions(const struct hold_decision *list, size_t count) {
    char time[CLOCK_TEXT_LEN + 1];
    for (size_t i = 0; i < count; i++) {
        (void)printf("  %.19sZ  %s: %s%s%s\n", clock_text(list[i].at, time), list[i].who,
                     list[i].what, list[i].reason[0] != '\0' ? ", " : "", list[i].reason);
    }
}

static int list_all(const struct words *w, struct archive *a, struct arena *m, struct err *e) {
    struct hold_filter f = {.limit = UINT32_MAX};
    struct hold_row *rows;
    size_t count = 0;
    uint64_t total = 0;
    struct db *db;
    int rc = archive_reader(a, &db, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = hold_list(db, &f, m, &rows, &count, &total, e);
    archive_reader_done(a, db);
    for (size_t i = 0; i < count && rc == E_OK; i++) {
        if (w->json) {
            print_json(&rows[i], false);
        } else {
            print_line(&rows[i]);
        }
    }
    return rc;
}

static int find(const struct words *w, struct archive *a, struct arena *m, struct hold_row *h,
                struct hold_decision **ret_list, size_t *ret_count, struct err *e) {
    uint64_t id = 0;
    struct db *db;
    if (!num_parse_u64(slice_str(w->arguments[1]), INT64_MAX, &id)) {
        return err_set(e, E_ARGUMENT, "a number as `maclab hold list` shows it is expected");
    }
    int rc = archive_reader(a, &db, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = hold_find(db, (int64_t)id, m, h, e);
    rc = rc == E_OK ? hold_decisions(db, h->id, NULL, m, ret_list, ret_count, e) : rc;
    archive_reader_done(a, db);
    return rc;
}

static int show(const struct words *w, struct archive *a, struct arena *m, struct err *e) {
    struct hold_row h;
    struct hold_decision *list = NULL;
    size_t count = 0;
    int rc = find(w, a, m, &h, &list, &count, e);
    if (rc == E_OK && w->json) {
        print_json(&h, true);
    } else if (rc == E_OK) {
        print_line(&h);
        print_reasons(h.reasons);
        print_decisions(list, count);
    }
    return rc;
}

// --- deciding

static int decide(const struct words *w, struct archive *a, struct arena *m, struct err *e) {
    struct hold_row h;
    struct hold_decision *list = NULL;
    struct hold_outcome out;
    size_t count = 0;
    int rc = find(w, a, m, &h, &list, &count, e);
    rc = rc == E_OK ? hold_decide(a, &h, &w->wish, &out, e) : rc;
    if (rc != E_OK) {
        return rc;
    }
    (void)printf("%s: %llu\n", hold_state_word((int)out.state), (unsigned long long)out.done);
    if (out.state == HOLD_SECOND) {
        (void)printf("a second person must decide the same\n");
    }
    if (out.still_held > 0 && find(w, a, m, &h, &list, &count, e) == E_OK) {
        (void)printf("still held: %llu\n", (unsigned long long)out.still_held);
        print_reasons(h.reasons);
    }
    return out.still_held > 0 ? err_set(e, E_HELD, "the gate still objects") : E_OK;
}

static bool is_decision(const char *step, enum hold_verb *ret_verb) {
    return hold_verb_parse(slice_str(step), ret_verb);
}

static int run_step(struct words *w, struct archive *a) {
    CLEANUP(arena_done) struct arena m;
    struct err e = {0};
    const char *step = w->arguments[0];
    arena_init(&m, MEMORY_MAX);
    int rc = strcmp(step, "list") == 0   ? list_all(w, a, &m, &e)
             : strcmp(step, "show") == 0 ? show(w, a, &m, &e)
                                         : decide(w, a, &m, &e);
    return rc == E_OK ? CLI_OK : cli_fail(CLI_NO, &e);
}

static bool is_step(struct words *w) {
    const char *step = w->argument_count > 0 ? w->arguments[0] : "";
    bool one = strcmp(step, "show") == 0 || is_decision(step, &w->wish.verb);
    return (strcmp(step, "list") == 0 && w->argument_count == 1) || (one && w->argument_count == 2);
}

static int take_option(int option, struct words *w) {
    switch (option) {
    case 'd': // cli_data_dir has it
        return CLI_OK;
    case 'j':
        w->json = true;
        return CLI_OK;
    case 'p':
        w->wish.person = optarg;
        return CLI_OK;
    case 'r':
        w->wish.reason = optarg;
        return CLI_OK;
    case 'o':
        w->wish.consent = optarg;
        return CLI_OK;
    case 's':
        return hold_scope_parse(slice_str(optarg), &w->wish.scope)
                   ? CLI_OK
                   : bad_usage("--scope is instance, series or study");
    case 'c':
        return hold_choice_parse(slice_str(optarg), &w->wish.choice)
                   ? CLI_OK
                   : bad_usage("--choice is defaced, key-images or consent");
    case 'h':
        (void)fputs(usage_text, stdout);
        return -1;
    default:
        return bad_usage("option not understood, or without its value");
    }
}

// CLI_OK, CLI_MISUSE, or -1 when help was shown.
static int read_options(int argc, char **argv, struct words *w) {
    static const struct option options[] = {{"data", required_argument, NULL, 'd'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"person", required_argument, NULL, 'p'},
                                            {"reason", required_argument, NULL, 'r'},
                                            {"scope", required_argument, NULL, 's'},
                                            {"choice", required_argument, NULL, 'c'},
                                            {"consent", required_argument, NULL, 'o'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "d:jh", options, NULL)) != -1) {
        int rc = take_option(option, w);
        if (rc != CLI_OK) {
            return rc;
        }
    }
    for (; optind < argc && w->argument_count < 2; optind++) {
        w->arguments[w->argument_count++] = argv[optind];
    }
    return optind == argc && is_step(w)
               ? CLI_OK
               : bad_usage("say `list`, or `show`, `release`, `refuse`, `return` with a NUMBER");
}

int cmd_hold(int argc, char **argv) {
    struct words w = {.data = cli_data_dir(argc, argv), .wish = {.reason = ""}};
    struct archive *a;
    struct err e = {0};
    enum hold_verb verb;
    const char *first = argc > 1 ? argv[1] : ""; // the step that policy was asked for
    int rc = read_options(argc, argv, &w);
    if (rc != CLI_OK) {
        return rc < 0 ? CLI_OK : rc;
    }
    if (strcmp(first, w.arguments[0]) != 0) {
        return bad_usage("say what is to be done first");
    }
    const struct archive_options options = {.data_dir = w.data,
                                            .clock = clock_system(),
                                            .as_sent = cli_as_sent,
                                            .program = cli_program,
                                            .no_workers = !is_decision(first, &verb)};
    if (archive_open(&options, &a, &e) != E_OK) {
        return cli_fail(CLI_MISUSE, &e);
    }
    int status = run_step(&w, a);
    archive_close(a);
    return cli_tables_flush("hold", status);
}

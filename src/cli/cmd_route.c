// SPDX-License-Identifier: Apache-2.0
// `maclab route add|list|cancel|again`: puts studies on their way to stations, shows how far they
// are, calls them off. A server that runs on the data folder does the sending.
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "archive/archive.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/num.h"
#include "cli/cli.h"
#include "cli/tables.h"
#include "db/db.h"
#include "dicom/uid.h"
#include "node/route.h"
#include "policy/audit.h"

static const char help[] =
    "Usage: maclab route add [OPTION]... STATION[,STATION]... STUDY[/SERIES]...\n"
    "       maclab route list [--last N] [ORDER]\n"
    "       maclab route cancel ORDER[.TASK]\n"
    "       maclab route again ORDER[.TASK]\n"
    "Put studies on their way to stations (prefetch). A server that runs on the data folder sends\n"
    "them; stations are AE titles of `maclab peer`, studies and series are UIDs.\n\n"
    "  add                 order it; prints the order's number\n"
    "      --at TIME       not before: 07:00 (the next one), 2026-11-23T07:00, or with a Z for "
    "UTC\n"
    "      --priority P    urgent, normal (default) or low\n"
    "  list                orders and how far they are, the newest first\n"
    "      --last N        so many orders (20)\n"
    "  cancel              what has not been sent yet is not\n"
    "  again               what failed or was called off is tried again, what waits is sent now\n"
    "      --data DIR      the data folder (default: $MACLAB_DATA, else maclab-data)\n"
    "      --json          for machines\n"
    "  -h, --help          this text\n\n"
    "Exit status: 0 done, 1 refused or not there, 2 misuse. list: 1 when a task shown has "
    "failed.\n";

#define OUT_MAX ((size_t)64 << 20)
#define MEMORY_MAX ((size_t)256 << 20)
#define LAST_DEFAULT 20u

struct choice {
    const char *data;
    bool json;
    uint64_t last;
    struct route_order order;
};

// --- times
// In the time zone of the machine.
static bool local_time(const struct tm *fields, usec *ret_at) {
    struct tm t = *fields;
    t.tm_isdst = -1;
    time_t seconds = mktime(&t);
    *ret_at = (usec)seconds * CLOCK_SECOND;
    return seconds != (time_t)-1 && t.tm_min == fields->tm_min && t.tm_mday == fields->tm_mday;
}

// The next time that the clock on the wall shows it.
static bool next_hour(const char *text, usec now, usec *ret_at) {
    struct tm clock, t;
    time_t seconds = (time_t)(now / CLOCK_SECOND);
    const char *end = strptime(text, "%H:%M", &(struct tm){0});
    if (end == NULL || *end != '\0' || localtime_r(&seconds, &clock) == NULL) {
        return false;
    }
    t = clock;
    (void)strptime(text, "%H:%M", &t);
    t.tm_sec = 0;
    if (!local_time(&t, ret_at)) {
        return false;
    }
    if (*ret_at <= now) {
        t.tm_mday++;
        t.tm_isdst = -1;
        seconds = mktime(&t); // puts months right
        *ret_at = (usec)seconds * CLOCK_SECOND;
    }
    return seconds != (time_t)-1;
}

static bool local_date(const char *text, usec *ret_at) {
    struct tm t = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M", &t);
    return end != NULL && *end == '\0' && local_time(&t, ret_at);
}

static int take_time(const char *text, struct choice *c) {
    usec now = clock_now(clock_system());
    if (!next_hour(text, now, &c->order.not_before) && !local_date(text, &c->order.not_before) &&
        !clock_parse(slice_str(text), &c->order.not_before)) {
        cli_complain("route: --at wants a time as 07:00 or 2026-11-23T07:00, not '%s'", text);
        return CLI_MISUSE;
    }
    return CLI_OK;
}

// --- output
static void write_task(struct json *j, const struct route_shown *shown) {
    const struct route_task *t = &shown->task;
    char text[CLOCK_TEXT_LEN + 1];
    json_begin_object(j);
    json_member_i64(j, "id", t->id);
    json_member_str(j, "study_uid", t->study);
    json_member_str(j, "series_uid", t->series[0] != '\0' ? t->series : NULL);
    json_member_str(j, "station", t->station);
    json_member_str(j, "state", route_state_text(t->state));
    json_member_str(j, "priority", route_priority_text(t->priority));
    json_member_i64(j, "attempts", t->attempts);
    json_member_str(j, "next_at", t->state == ROUTE_WAITING ? clock_text(t->next_at, text) : NULL);
    json_member_i64(j, "total", (int64_t)t->total);
    json_member_i64(j, "sent", (int64_t)t->sent);
    json_member_i64(j, "present", (int64_t)t->present);
    json_member_i64(j, "failed", (int64_t)t->failed);
    json_member_str(j, "message", t->words);
    json_end_object(j);
}

static void print_order_json(const struct route_order_shown *o) {
    CLEANUP(cleanup_buf) struct buf out;
    char text[CLOCK_TEXT_LEN + 1];
    struct json j;
    buf_init(&out, OUT_MAX);
    json_init(&j, &out);
    json_begin_object(&j);
    json_member_i64(&j, "id", o->id);
    json_member_str(&j, "created", clock_text(o->created, text));
    json_member_str(&j, "not_before", o->not_before != 0 ? clock_text(o->not_before, text) : NULL);
    json_name(&j, "tasks");
    json_begin_array(&j);
    for (size_t i = 0; i < o->task_count; i++) {
        write_task(&j, &o->tasks[i]);
    }
    json_end_array(&j);
    json_end_object(&j);
    buf_put_byte(&out, '\n');
    (void)fwrite(out.data, 1, out.len, stdout);
}

static const char *local_text(usec at, char out[32]) {
    struct tm t;
    time_t seconds = (time_t)(at / CLOCK_SECOND);
    out[0] = '\0';
    if (localtime_r(&seconds, &t) != NULL) {
        (void)strftime(out, 32, "%Y-%m-%d %H:%M:%S", &t);
    }
    return out;
}

static void print_order(const struct route_order_shown *o) {
    char when[32];
    (void)printf("order %lld, %s%s", (long long)o->id, local_text(o->created, when),
                 o->not_before != 0 ? ", not before " : "");
    (void)printf("%s\n", o->not_before != 0 ? local_text(o->not_before, when) : "");
    for (size_t i = 0; i < o->task_count; i++) {
        const struct route_task *t = &o->tasks[i].task;
        (void)printf("  %lld.%lld  %-9s  %-16s  %llu of %llu", (long long)o->id, (long long)t->id,
                     route_state_text(t->state), t->station,
                     (unsigned long long)(t->sent + t->present), (unsigned long long)t->total);
        if (t->failed > 0) {
            (void)printf(", %llu refused", (unsigned long long)t->failed);
        }
        (void)printf("  %s%s%s", t->study, t->series[0] != '\0' ? "/" : "", t->series);
        if (t->state == ROUTE_WAITING) {
            (void)printf("  next %s", local_text(t->next_at, when));
        }
        (void)printf("%s%s\n", t->words[0] != '\0' ? "\n      " : "", t->words);
    }
}

static bool any_failed(const struct route_order_shown *o) {
    for (size_t i = 0; i < o->task_count; i++) {
        if (o->tasks[i].task.state == ROUTE_FAILED) {
            return true;
        }
    }
    return false;
}

// Orders as they stand: all, or one.
static int show(struct archive *a, const struct choice *c, int64_t only, bool judge) {
    struct arena memory;
    struct route_list list;
    struct err why = {0};
    struct db *db;
    bool failed = false;
    arena_init(&memory, MEMORY_MAX);
    int rc = archive_reader(a, &db, &why);
    if (rc == E_OK) {
        rc = route_queue_list(db, 0, (unsigned)c->last, only, &memory, &list, &why);
        archive_reader_done(a, db);
    }
    for (size_t i = 0; rc == E_OK && i < list.order_count; i++) {
        (c->json ? print_order_json : print_order)(&list.orders[i]);
        failed = failed || any_failed(&list.orders[i]);
    }
    arena_done(&memory);
    if (rc != E_OK) {
        return cli_fail(CLI_NO, &why);
    }
    return judge && failed ? CLI_NO : CLI_OK;
}

// --- adding
static int take_items(char **words, size_t count, struct arena *memory, struct choice *c) {
    struct route_item *items = arena_array(memory, count + 1, sizeof *items);
    for (size_t i = 0; items != NULL && i < count; i++) {
        struct slice text = slice_str(words[i]);
        size_t cut = slice_find(text, '/');
        if (!dcm_uid_usable(slice_first(text, cut)) ||
            (cut < text.len && !dcm_uid_usable(slice_from(text, cut + 1)))) {
            cli_complain("route: '%s' is neither a study's UID nor STUDY/SERIES", words[i]);
            return CLI_MISUSE;
        }
        items[i].study = arena_str(memory, slice_first(text, cut));
        items[i].series = cut < text.len ? words[i] + cut + 1 : "";
    }
    c->order.items = items;
    c->order.item_count = items != NULL ? count : 0;
    return CLI_OK;
}

static void take_stations(char *word, struct arena *memory, struct choice *c) {
    struct slice rest = slice_str(word), part;
    const char **stations = arena_array(memory, ROUTE_STATIONS_MAX + 1, sizeof *stations);
    size_t count = 0;
    while (stations != NULL && count <= ROUTE_STATIONS_MAX && slice_split(&rest, ',', &part)) {
        if (part.len > 0) {
            stations[count++] = arena_str(memory, part);
        }
    }
    c->order.stations = stations;
    c->order.station_count = count;
}

static int add(struct archive *a, struct choice *c, char **words, size_t count) {
    const struct policy_subject who = policy_console();
    struct arena memory;
    struct err why = {0};
    int64_t order = 0;
    if (count < 2) {
        cli_complain("route add: say which station and which studies; `maclab route --help` tells "
                     "more");
        return CLI_MISUSE;
    }
    arena_init(&memory, MEMORY_MAX);
    take_stations(words[0], &memory, c);
    int rc = take_items(words + 1, count - 1, &memory, c);
    if (rc == CLI_OK && route_order_put(a, &who, "cli route", &c->order, clock_now(clock_system()),
                                        &order, &why) != E_OK) {
        rc = cli_fail(CLI_NO, &why);
    }
    arena_done(&memory);
    if (rc != CLI_OK) {
        return rc;
    }
    return c->json ? show(a, c, order, false)
                   : (printf("order %lld\n", (long long)order) < 0 ? CLI_NO : CLI_OK);
}

// --- calling off, asking again
static int take_number(const char *text, int64_t *ret_order, int64_t *ret_task) {
    struct slice all = slice_str(text);
    size_t cut = slice_find(all, '.');
    uint64_t order = 0, task = 0;
    if (!num_parse_u64(slice_first(all, cut), INT64_MAX, &order) || order == 0 ||
        (cut < all.len &&
         (!num_parse_u64(slice_from(all, cut + 1), INT64_MAX, &task) || task == 0))) {
        cli_complain("route: '%s' is no order (12) nor one of its tasks (12.3)", text);
        return CLI_MISUSE;
    }
    *ret_order = (int64_t)order;
    *ret_task = (int64_t)task;
    return CLI_OK;
}

static int ask_policy(struct archive *a) {
    const struct policy_request request = {.who = policy_console(),
                                           .action = POLICY_ROUTE_ORDER,
                                           .what = "route",
                                           .where = "cli route"};
    struct policy_decision decision;
    if (!audit_ask(archive_audit(a), &request, &decision)) {
        cli_complain("%s (clause %s)", decision.reason, decision.clause);
        return CLI_MISUSE;
    }
    return CLI_OK;
}

static int move(struct archive *a, const struct choice *c, const char *word, bool again) {
    int64_t order, task;
    size_t moved = 0;
    struct err why = {0};
    usec now = clock_now(clock_system());
    int rc = take_number(word, &order, &task);
    rc = rc == CLI_OK ? ask_policy(a) : rc;
    if (rc != CLI_OK) {
        return rc;
    }
    if ((again ? route_order_again : route_order_cancel)(a, order, task, now, &moved, &why) !=
        E_OK) {
        return cli_fail(CLI_NO, &why);
    }
    if (moved == 0) {
        cli_complain(again ? "route: nothing of it failed, was called off or waits"
                           : "route: nothing of it is still to be sent");
    }
    rc = show(a, c, order, false);
    return moved == 0 ? CLI_NO : rc;
}

// --- words of the command line
// CLI_OK, CLI_MISUSE, or -1 when help was shown.
static int read_options(int argc, char **argv, struct choice *c) {
    static const struct option options[] = {{"data", required_argument, NULL, 'd'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"at", required_argument, NULL, 'a'},
                                            {"priority", required_argument, NULL, 'p'},
                                            {"last", required_argument, NULL, 'l'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        switch (option) {
        case 'd': // cli_data_dir has it
            break;
        case 'j':
            c->json = true;
            break;
        case 'a':
            if (take_time(optarg, c) != CLI_OK) {
                return CLI_MISUSE;
            }
            break;
        case 'p':
            if (!route_priority_parse(slice_str(optarg), &c->order.priority)) {
                cli_complain("route: --priority is urgent, normal or low, not '%s'", optarg);
                return CLI_MISUSE;
            }
            break;
        case 'l':
            if (!num_parse_u64(slice_str(optarg), ROUTE_LIST_MAX, &c->last) || c->last == 0) {
                cli_complain("route: --last wants a number up to %u", ROUTE_LIST_MAX);
                return CLI_MISUSE;
            }
            break;
        case 'h':
            (void)fputs(help, stdout);
            return -1;
        case ':':
            cli_complain("route: %s needs a value", argv[optind - 1]);
            return CLI_MISUSE;
        default:
            cli_complain("route: no option '%s'; `maclab route --help` lists them",
                         argv[optind - 1]);
            return CLI_MISUSE;
        }
    }
    return CLI_OK;
}

static int run(struct archive *a, struct choice *c, const char *what, char **words, size_t count) {
    int64_t order = 0, task = 0;
    if (strcmp(what, "add") == 0) {
        return add(a, c, words, count);
    }
    if (strcmp(what, "list") == 0 && count <= 1) {
        int rc = count == 1 ? take_number(words[0], &order, &task) : CLI_OK;
        return rc == CLI_OK ? show(a, c, order, true) : rc;
    }
    bool again = strcmp(what, "again") == 0;
    if ((again || strcmp(what, "cancel") == 0) && count == 1) {
        return move(a, c, words[0], again);
    }
    cli_complain("route: say `add`, `list`, `cancel` or `again`; `maclab route --help` tells more");
    return CLI_MISUSE;
}

int cmd_route(int argc, char **argv) {
    struct choice c = {.data = cli_data_dir(argc, argv),
                       .last = LAST_DEFAULT,
                       .order = {.priority = ROUTE_NORMAL}};
    struct archive *a;
    struct err why = {0};
    int rc = read_options(argc, argv, &c);
    if (rc != CLI_OK) {
        return rc < 0 ? CLI_OK : rc;
    }
    const char *what = optind < argc ? argv[optind] : "";
    if (cli_tables_open(c.data, &a, &why) != E_OK) {
        return cli_fail(CLI_MISUSE, &why);
    }
    rc = run(a, &c, what, argv + optind + 1, argc > optind ? (size_t)(argc - optind - 1) : 0);
    archive_close(a);
    return cli_tables_flush("route", rc);
}

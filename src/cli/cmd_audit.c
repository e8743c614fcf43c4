// SPDX-License-Identifier: Apache-2.0
// `maclab audit verify|show`: checks the chain of the audit log; shows it to a person, or as it
// stands (one JSON object a line).
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/json_in.h"
#include "base/num.h"
#include "cli/cli.h"
#include "policy/audit.h"

static const char help[] =
    "Usage: maclab audit verify [--data DIR] [--json]\n"
    "       maclab audit show [--data DIR] [--json] [--refused] [--month YYYY-MM] [--last N]\n"
    "Check or read the audit log: who asked for what at which door, and what was decided.\n\n"
    "  verify            follow the chain from its first line; exit status 1 at the first break\n"
    "  show              one line a decision\n"
    "      --data DIR    the data folder (default: $MACLAB_DATA, else maclab-data)\n"
    "      --json        for machines: the lines as they stand in the log\n"
    "      --refused     only what was refused, and notes\n"
    "      --month M     only lines of that month (UTC), as in 2026-11\n"
    "      --last N      only the last N of the lines chosen\n"
    "  -h, --help        this text\n\n"
    "verify prints the hash of the last line. Kept outside of the machine it proves later that "
    "the\n"
    "log up to there was not written anew.\n";

#define FIELD_MAX 512

struct choice {
    const char *data;
    const char *month; // NULL: all
    bool json, refused;
    uint64_t last; // 0: all
    uint64_t skip; // of the chosen ones, to leave `last`
    uint64_t chosen;
};

// The members of a line that people are shown.
enum field { TIME, ORIGIN, ACTION, WHAT, WHERE, ALLOWED, CLAUSE, NOTE, OF, TIMES, FIELDS };

static const char *const names[FIELDS] = {"time",    "origin", "action", "what", "where",
                                          "allowed", "clause", "note",   "of",   "times"};

struct shown {
    char text[FIELDS][FIELD_MAX];
};

static void take(struct shown *s, const struct json_token *name, const struct json_token *value) {
    for (size_t f = 0; f < FIELDS; f++) {
        if (json_in_is(name, names[f])) {
            CLEANUP(cleanup_buf) struct buf text;
            struct err e = {0};
            buf_init(&text, FIELD_MAX - 1);
            if (value->kind == JSON_STRING) {
                (void)json_in_text(value, &text, &e);
            } else if (value->kind == JSON_NUMBER) {
                buf_put_slice(&text, value->raw);
            } else if (value->kind == JSON_TRUE) {
                buf_put_str(&text, "true");
            }
            if (!text.failed && text.len > 0) {
                memcpy(s->text[f], text.data, text.len);
            }
        }
    }
}

// false: not a line of ours (torn).
static bool read_line(struct slice line, struct shown *ret_shown) {
    struct json_in in;
    struct json_token name, value;
    struct err e = {0};
    memset(ret_shown, 0, sizeof *ret_shown);
    json_in_init(&in, line, 2);
    if (json_in_next(&in, &name, &e) != JSON_OBJECT_BEGIN) {
        return false;
    }
    while (json_in_next(&in, &name, &e) == JSON_NAME) {
        if (json_in_next(&in, &value, &e) < JSON_STRING) {
            return false; // our lines have no nested values
        }
        take(ret_shown, &name, &value);
    }
    return json_in_next(&in, &name, &e) == JSON_END;
}

static void print_line(const struct shown *s) {
    if (s->text[NOTE][0] != '\0') {
        (void)printf("%s  note      %s", s->text[TIME], s->text[NOTE]);
        if (s->text[TIMES][0] != '\0') {
            (void)printf(": line %s, %s times more", s->text[OF], s->text[TIMES]);
        }
        (void)putchar('\n');
        return;
    }
    bool allowed = strcmp(s->text[ALLOWED], "true") == 0;
    (void)printf("%s  %-8s  %-4s %-8s  %-17s %s%s%s\n", s->text[TIME],
                 allowed ? "allowed" : "REFUSED", s->text[CLAUSE], s->text[ORIGIN], s->text[ACTION],
                 s->text[WHERE], s->text[WHAT][0] != '\0' ? "  " : "", s->text[WHAT]);
}

static bool is_chosen(const struct choice *c, const struct shown *s, bool whole) {
    bool refused = !whole || strcmp(s->text[ALLOWED], "true") != 0;
    return (!c->refused || refused) &&
           (c->month == NULL || strncmp(s->text[TIME], c->month, strlen(c->month)) == 0);
}

static int count_line(struct slice line, void *context) {
    struct choice *c = context;
    struct shown s;
    bool whole = read_line(line, &s);
    c->chosen += is_chosen(c, &s, whole);
    return 0;
}

static int show_line(struct slice line, void *context) {
    struct choice *c = context;
    struct shown s;
    bool whole = read_line(line, &s);
    if (!is_chosen(c, &s, whole)) {
        return 0;
    }
    if (c->skip > 0) {
        c->skip--;
        return 0;
    }
    if (c->json) {
        (void)printf("%.*s\n", (int)line.len, (const char *)line.ptr);
    } else if (whole) {
        print_line(&s);
    } else {
        (void)printf("(torn line of %zu bytes)\n", line.len);
    }
    return ferror(stdout) ? -1 : 0;
}

static int show(struct choice *c) {
    struct err why = {0};
    if (c->last > 0) {
        if (audit_each(c->data, count_line, c, &why) != 0) {
            return cli_fail(CLI_NO, &why);
        }
        c->skip = c->chosen > c->last ? c->chosen - c->last : 0;
    }
    int rc = audit_each(c->data, show_line, c, &why);
    if (rc != 0 && why.code != E_OK) {
        return cli_fail(CLI_NO, &why);
    }
    return CLI_OK;
}

static void print_summary(const struct choice *c, const struct audit_summary *s) {
    char hex[HASH_HEX_LEN + 1];
    (void)hash_hex(&s->last, hex);
    if (!c->json) {
        (void)printf("%llu lines, %u files: the chain is whole\n", (unsigned long long)s->lines,
                     s->files);
        if (s->sealed > 0) {
            (void)printf("%u torn by a crash and sealed\n", s->sealed);
        }
        (void)printf("last %s\n", hex);
        return;
    }
    CLEANUP(cleanup_buf) struct buf out;
    struct json j;
    buf_init(&out, 1024);
    json_init(&j, &out);
    json_begin_object(&j);
    json_member_bool(&j, "whole", true);
    json_member_i64(&j, "lines", (int64_t)s->lines);
    json_member_i64(&j, "files", s->files);
    json_member_i64(&j, "sealed", s->sealed);
    json_member_str(&j, "last", hex);
    json_end_object(&j);
    (void)printf("%.*s\n", (int)out.len, (const char *)out.data);
}

static int verify(struct choice *c) {
    struct audit_summary s;
    struct err why = {0};
    if (audit_check(c->data, &s, &why) != E_OK) {
        return cli_fail(CLI_NO, &why);
    }
    print_summary(c, &s);
    return CLI_OK;
}

// CLI_OK, CLI_MISUSE, or -1 when help was shown.
static int read_options(int argc, char **argv, struct choice *c) {
    static const struct option options[] = {{"data", required_argument, NULL, 'd'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"refused", no_argument, NULL, 'r'},
                                            {"month", required_argument, NULL, 'm'},
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
        case 'r':
            c->refused = true;
            break;
        case 'm':
            c->month = optarg;
            break;
        case 'l':
            if (!num_parse_u64(slice_str(optarg), UINT32_MAX, &c->last) || c->last == 0) {
                cli_complain("audit: '%s' is no number of lines", optarg);
                return CLI_MISUSE;
            }
            break;
        case 'h':
            (void)fputs(help, stdout);
            return -1;
        case ':':
            cli_complain("audit: %s needs a value", argv[optind - 1]);
            return CLI_MISUSE;
        default:
            cli_complain("audit: no option '%s'; `maclab audit --help` lists them",
                         argv[optind - 1]);
            return CLI_MISUSE;
        }
    }
    return CLI_OK;
}

int cmd_audit(int argc, char **argv) {
    struct choice c = {.data = cli_data_dir(argc, argv)};
    int rc = read_options(argc, argv, &c);
    if (rc != CLI_OK) {
        return rc < 0 ? CLI_OK : rc;
    }
    const char *what = optind + 1 == argc ? argv[optind] : "";
    if (strcmp(what, "verify") == 0) {
        rc = verify(&c);
    } else if (strcmp(what, "show") == 0) {
        rc = show(&c);
    } else {
        cli_complain("audit: say `verify` or `show`; `maclab audit --help` tells more");
        return CLI_MISUSE;
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        cli_complain("audit: standard output: %s", strerror(errno));
        return CLI_NO;
    }
    return rc;
}

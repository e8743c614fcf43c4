// SPDX-License-Identifier: Apache-2.0
// `maclab peer`: the DICOM peers of a data folder: who may associate with the node, and where it
// sends to. Works while a server runs, which reads the table at each association.
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/slice.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/tables.h"
#include "dimse/tls.h"
#include "node/peers.h"

#define LIST_MEMORY ((size_t)8 << 20)

static const char usage_text[] =
    "Usage: maclab peer add [OPTION]... AET ADDRESS[:PORT]\n"
    "       maclab peer list [--json]\n"
    "       maclab peer remove AET\n"
    "DICOM peers: the AE titles that may associate, and where C-MOVE and prefetching send to.\n\n"
    "  --data DIR          the data folder (" CLI_DATA_DEFAULT ", or $MACLAB_DATA)\n"
    "  --certificate FILE  pin the peer's certificate (PEM or DER); implies --tls\n"
    "  --tls               associations with it are by TLS, both ways\n"
    "  --may LIST          of query, retrieve, store, receive (be sent images); all; none\n"
    "                      (default: all)\n"
    "  --identity          it must name a user (user identity negotiation)\n"
    "  --notes TEXT        for people\n"
    "  --json              one object a peer\n"
    "  --help              show this\n\n"
    "ADDRESS is where it listens and where its associations come from: numeric, or a host name.\n"
    "The port is 11112 unless it is said. Adding an AE title that is there changes its entry.\n";

struct words {
    const char *data, *certificate, *may, *notes;
    bool tls, identity, json;
    const char *arguments[3];
    int argument_count;
};

static int bad_usage(const char *text) {
    cli_complain("peer: %s; `maclab peer --help` tells more", text);
    return CLI_MISUSE;
}

// --- add

static int pin(const struct words *w, struct node_peer *peer, struct err *e) {
    if (w->certificate == NULL) {
        return E_OK;
    }
    peer->pinned = peer->tls = true;
    return dimse_certificate_fingerprint(w->certificate, &peer->certificate, e);
}

static int fill(const struct words *w, struct node_peer *peer, struct err *e) {
    const char *notes = w->notes == NULL ? "" : w->notes;
    if (!node_aet_valid(w->arguments[1])) {
        return err_set(e, E_ARGUMENT, "'%s' is no AE title: 1 to 16 characters, no backslash",
                       w->arguments[1]);
    }
    if (!node_may_parse(w->may == NULL ? "all" : w->may, &peer->may)) {
        return err_set(e, E_ARGUMENT, "--may '%s': query, retrieve, store, receive, all, none",
                       w->may);
    }
    if (strlen(notes) > NODE_NOTES_MAX || !utf8_valid(slice_str(notes))) {
        return err_set(e, E_ARGUMENT, "--notes: at most %d bytes of UTF-8", NODE_NOTES_MAX);
    }
    (void)snprintf(peer->aet, sizeof peer->aet, "%s", w->arguments[1]);
    (void)snprintf(peer->notes, sizeof peer->notes, "%s", notes);
    peer->tls = w->tls;
    peer->identity = w->identity;
    peer->added = clock_now(clock_system());
    int rc = dimse_address_parse(w->arguments[2], &peer->address, e);
    return rc == E_OK ? pin(w, peer, e) : rc;
}

static int add(const struct words *w, struct archive *a) {
    struct node_peer peer = {0};
    struct err e = {0};
    bool is_new = false;
    if (fill(w, &peer, &e) != E_OK) {
        return cli_fail(CLI_MISUSE, &e);
    }
    if (node_peer_put(a, &peer, &is_new, &e) != E_OK) {
        return cli_fail(e.code == E_ARGUMENT ? CLI_MISUSE : CLI_NO, &e);
    }
    if (!w->json) {
        (void)printf("%s %s\n", is_new ? "added" : "changed", peer.aet);
    }
    return CLI_OK;
}

// --- list

static void put_time(struct json *j, const char *name, usec at) {
    char text[CLOCK_TEXT_LEN + 1];
    json_member_str(j, name, at == 0 ? NULL : clock_text(at, text));
}

static void put_may(struct json *j, unsigned may) {
    char text[NODE_MAY_TEXT_MAX];
    struct slice rest = slice_str(node_may_text(may, text)), word;
    json_name(j, "may");
    json_begin_array(j);
    while (may != 0 && slice_split(&rest, ',', &word)) {
        json_slice(j, word);
    }
    json_end_array(j);
}

static void print_json(const struct node_peer *p) {
    CLEANUP(cleanup_buf) struct buf out;
    struct json j;
    char hex[HASH_HEX_LEN + 1];
    buf_init(&out, 8192);
    json_init(&j, &out);
    json_begin_object(&j);
    json_member_str(&j, "aet", p->aet);
    json_member_str(&j, "host", p->address.host);
    json_member_i64(&j, "port", p->address.port);
    json_member_bool(&j, "tls", p->tls);
    json_member_str(&j, "certificate", p->pinned ? hash_hex(&p->certificate, hex) : NULL);
    put_may(&j, p->may);
    json_member_bool(&j, "identity", p->identity);
    json_member_str(&j, "notes", p->notes);
    put_time(&j, "added", p->added);
    put_time(&j, "seen", p->seen);
    json_end_object(&j);
    (void)printf("%.*s\n", (int)out.len, (const char *)out.data);
}

static void print_line(const struct node_peer *p) {
    char may[NODE_MAY_TEXT_MAX], seen[CLOCK_TEXT_LEN + 1], hex[HASH_HEX_LEN + 1];
    bool six = strchr(p->address.host, ':') != NULL;
    (void)printf("%-16s  %s%s%s:%u%s  %s  %s", p->aet, six ? "[" : "", p->address.host,
                 six ? "]" : "", p->address.port, p->tls ? " tls" : "", node_may_text(p->may, may),
                 p->seen == 0 ? "never seen" : "seen ");
    if (p->seen != 0) {
        (void)printf("%.19sZ", clock_text(p->seen, seen));
    }
    if (p->identity) {
        (void)fputs("  names a user", stdout);
    }
    if (p->pinned) {
        (void)printf("  certificate %.16s…", hash_hex(&p->certificate, hex));
    }
    (void)printf("%s%s\n", p->notes[0] != '\0' ? "  " : "", p->notes);
}

static int list(const struct words *w, struct archive *a) {
    CLEANUP(arena_done) struct arena memory;
    struct node_peer *peers = NULL;
    size_t count = 0;
    struct err e = {0};
    arena_init(&memory, LIST_MEMORY);
    if (node_peer_list(a, &memory, &peers, &count, &e) != E_OK) {
        return cli_fail(CLI_NO, &e);
    }
    for (size_t i = 0; i < count; i++) {
        if (w->json) {
            print_json(&peers[i]);
        } else {
            print_line(&peers[i]);
        }
    }
    return CLI_OK;
}

// --- remove

static int remove_peer(const struct words *w, struct archive *a) {
    struct err e = {0};
    if (node_peer_remove(a, w->arguments[1], &e) != E_OK) {
        return cli_fail(CLI_NO, &e);
    }
    if (!w->json) {
        (void)printf("removed %s\n", w->arguments[1]);
    }
    return CLI_OK;
}

static const struct {
    const char *name;
    int arguments; // behind the name
    int (*run)(const struct words *w, struct archive *a);
} steps[] = {{"add", 2, add}, {"list", 0, list}, {"remove", 1, remove_peer}};

// CLI_OK, CLI_MISUSE, or -1 when help was shown.
static int read_options(int argc, char **argv, struct words *w) {
    static const struct option options[] = {{"data", required_argument, NULL, 'd'},
                                            {"certificate", required_argument, NULL, 'c'},
                                            {"tls", no_argument, NULL, 't'},
                                            {"may", required_argument, NULL, 'm'},
                                            {"identity", no_argument, NULL, 'i'},
                                            {"notes", required_argument, NULL, 'n'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        switch (option) {
        case 'd': // cli_data_dir has it
            break;
        case 'c':
            w->certificate = optarg;
            break;
        case 't':
            w->tls = true;
            break;
        case 'm':
            w->may = optarg;
            break;
        case 'i':
            w->identity = true;
            break;
        case 'n':
            w->notes = optarg;
            break;
        case 'j':
            w->json = true;
            break;
        case 'h':
            (void)fputs(usage_text, stdout);
            return -1;
        case ':':
            return bad_usage("an option needs a value");
        default:
            return bad_usage("option not understood");
        }
    }
    for (; optind < argc; optind++) {
        if (w->argument_count == 3) {
            return bad_usage("an argument too many");
        }
        w->arguments[w->argument_count++] = argv[optind];
    }
    return CLI_OK;
}

static int run_step(const struct words *w) {
    for (size_t i = 0; w->argument_count > 0 && i < sizeof steps / sizeof steps[0]; i++) {
        if (strcmp(w->arguments[0], steps[i].name) != 0) {
            continue;
        }
        if (w->argument_count != steps[i].arguments + 1) {
            return bad_usage("arguments are missing, or too many");
        }
        struct archive *a;
        struct err e = {0};
        if (cli_tables_open(w->data, &a, &e) != E_OK) {
            return cli_fail(CLI_MISUSE, &e);
        }
        int status = steps[i].run(w, a);
        archive_close(a);
        return status;
    }
    return bad_usage("say `add`, `list` or `remove`");
}

int cmd_peer(int argc, char **argv) {
    struct words w = {.data = cli_data_dir(argc, argv)};
    const char *first = argc > 1 ? argv[1] : ""; // the step that policy was asked for
    int rc = read_options(argc, argv, &w);
    if (rc != CLI_OK) {
        return rc < 0 ? CLI_OK : rc;
    }
    if (w.argument_count > 0 && strcmp(first, w.arguments[0]) != 0) {
        return bad_usage("say `add`, `list` or `remove` first");
    }
    return cli_tables_flush("peer", run_step(&w));
}

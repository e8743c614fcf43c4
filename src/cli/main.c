// SPDX-License-Identifier: Apache-2.0
// The program: a table of commands. Each row names its action; policy is asked before the command
// runs, and where the command works on a data folder the decision goes to that folder's audit log.
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "archive/jobs.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "cli/cli.h"
#include "policy/audit.h"
#include "policy/policy.h"
#include "worker/worker.h"

static int cmd_worker(int argc, char **argv) {
    (void)argc;
    (void)argv;
    struct worker_job jobs[ARCHIVE_JOBS];
    archive_jobs_list(jobs);
    return worker_main(jobs, ARCHIVE_JOBS);
}

struct command {
    const char *name; // or of a command and its step: "peer add"
    const char *does;
    int (*run)(int argc, char **argv);
    enum policy_action action;
    bool on_data; // works on a data folder
    bool hidden;  // not for people
};

// X(name, what it does, function, action, on a data folder, hidden)
#define COMMANDS(X)                                                                                \
    X("serve", "run the suite: web, DICOMweb, DICOM node", cmd_serve, SUITE_SERVE, true, false)    \
    X("demo", "fill an archive with synthetic studies", cmd_demo, DEMO_MAKE, true, false)          \
    X("import", "take files and folders into the archive", cmd_import, IMAGE_RECEIVE, true, false) \
    X("echo", "ask a DICOM node whether it answers", cmd_echo, NODE_CALL, false, false)            \
    X("find", "ask a DICOM node what it has", cmd_find, NODE_CALL, false, false)                   \
    X("get", "retrieve from a DICOM node into files", cmd_get, NODE_CALL, false, false)            \
    X("move", "have a DICOM node send to another, or here", cmd_move, NODE_CALL, false, false)     \
    X("store", "send files to a DICOM node", cmd_store, NODE_CALL, false, false)                   \
    X("commit", "ask a DICOM node for storage commitment", cmd_commit, NODE_CALL, false, false)    \
    X("route", "put studies on their way to stations", cmd_route, ROUTE_SHOW, true, false)         \
    X("peer", "DICOM peers: who may call, where to send", cmd_peer, PEER_SHOW, true, false)        \
    X("peer list", "", cmd_peer, PEER_SHOW, true, true)                                            \
    X("peer add", "", cmd_peer, PEER_MANAGE, true, true)                                           \
    X("peer remove", "", cmd_peer, PEER_MANAGE, true, true)                                        \
    X("inbox", "what peers delivered and nobody can see yet", cmd_inbox, INBOX_SHOW, true, false)  \
    X("inbox list", "", cmd_inbox, INBOX_SHOW, true, true)                                         \
    X("inbox retry", "", cmd_inbox, INBOX_MANAGE, true, true)                                      \
    X("inbox dispose", "", cmd_inbox, INBOX_MANAGE, true, true)                                    \
    X("hold", "what the gate held, for a person to decide", cmd_hold, GATE_SHOW, true, false)      \
    X("hold list", "", cmd_hold, GATE_SHOW, true, true)                                            \
    X("hold show", "", cmd_hold, GATE_SHOW, true, true)                                            \
    X("hold release", "", cmd_hold, HOLD_DECIDE, true, true)                                       \
    X("hold refuse", "", cmd_hold, HOLD_DECIDE, true, true)                                        \
    X("hold return", "", cmd_hold, HOLD_DECIDE, true, true)                                        \
    X("check", "look for identifiers left in files", cmd_check, FILE_INSPECT, false, false)        \
    X("deid", "de-identify files into a folder", cmd_deid, FILE_DEIDENTIFY, false, false)          \
    X("dump", "show a data set as text or DICOM JSON", cmd_dump, FILE_INSPECT, false, false)       \
    X("verify", "check every object and the catalogue", cmd_verify, ARCHIVE_VERIFY, true, false)   \
    X("audit", "check or read the audit log", cmd_audit, AUDIT_READ, true, false)                  \
    X("worker", "the sandboxed child", cmd_worker, SUITE_SERVE, false, true)

static const struct command commands[] = {
#define X(name, does, run, action, on_data, hidden)                                                \
    {name, does, run, POLICY_CHECKED(POLICY_##action), on_data, hidden},
    COMMANDS(X)
#undef X
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void usage(FILE *out) {
    (void)fputs("Usage: maclab COMMAND [OPTION]... [ARGUMENT]...\n"
                "A radiology training suite: anonymised case archive, viewer, governance.\n\n",
                out);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (!commands[i].hidden) {
            (void)fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].does);
        }
    }
    (void)fputs(
        "\n`maclab COMMAND --help` tells more. Exit status: 0 ok, 1 no or some items failed, "
        "2 misuse.\n",
        out);
}

static bool asks_for_help(int argc, char **argv) {
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

// For the log: "serve", "peer-add/station7". Names of peers and numbers; other words are left out.
static void name_object(const struct command *command, int argc, char **argv, char *out,
                        size_t size) {
    bool stepped = strchr(command->name, ' ') != NULL;
    const char *object = stepped && argc > 2 && argv[2][0] != '-' ? argv[2] : "";
    (void)snprintf(out, size, "%s%s%.40s", command->name, object[0] != '\0' ? "/" : "", object);
    for (char *c = out; *c != '\0'; c++) {
        *c = *c == ' ' ? '-' : (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    }
}

// Asks policy; with a data folder the decision is on its log before the command runs.
static bool may_run(const struct command *command, int argc, char **argv) {
    char door[64], what[96];
    (void)snprintf(door, sizeof door, "cli %s", command->name);
    name_object(command, argc, argv, what, sizeof what);
    struct policy_request request = {
        .who = policy_console(), .action = command->action, .what = what, .where = door};
    struct policy_decision decision;
    if (!command->on_data || asks_for_help(argc, argv)) {
        decision = policy_decide(&request);
    } else {
        struct audit *audit = NULL;
        struct err why = {0};
        if (audit_open(cli_data_dir(argc, argv), clock_system(), &audit, &why) != E_OK) {
            (void)cli_fail(CLI_MISUSE, &why);
            return false;
        }
        (void)audit_ask(audit, &request, &decision);
        audit_close(audit);
    }
    if (!decision.allowed) {
        cli_complain("%s (clause %s)", decision.reason, decision.clause);
    }
    return decision.allowed;
}

// The row of a command with its step, else that of the command; NULL: none.
static const struct command *find_command(int argc, char **argv) {
    char both[64];
    const struct command *found = NULL;
    (void)snprintf(both, sizeof both, "%.30s %.30s", argv[1], argc > 2 ? argv[2] : "");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(both, commands[i].name) == 0) {
            return &commands[i];
        }
        found = strcmp(argv[1], commands[i].name) == 0 ? &commands[i] : found;
    }
    return found;
}

static bool takes_in(const struct command *command) {
    return command->action == POLICY_IMAGE_RECEIVE || command->action == POLICY_DEMO_MAKE ||
           (command->action == POLICY_SUITE_SERVE && !command->hidden);
}

int main(int argc, char **argv) {
    log_open("maclab", LOG_INFO, clock_system());
    if (argc < 2) {
        usage(stderr);
        return CLI_MISUSE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("maclab %s (%s)\n", cli_version, cli_revision);
        return CLI_OK;
    }
    const struct command *command = find_command(argc, argv);
    if (cli_as_sent && command != NULL && takes_in(command)) {
        cli_complain("this is the program of the tests: what is sent is kept as it is, and names "
                     "whom it names; never use it for images of people");
    }
    if (command != NULL) {
        return may_run(command, argc - 1, argv + 1) ? command->run(argc - 1, argv + 1) : CLI_MISUSE;
    }
    cli_complain("no command '%s'; `maclab --help` lists them", argv[1]);
    return CLI_MISUSE;
}

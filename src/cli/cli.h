// SPDX-License-Identifier: Apache-2.0
// What the subcommands share: exit statuses, errors on standard error, the data folder, progress.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct err;

#define CLI_OK 0     // all done
#define CLI_NO 1     // the answer is no, or some items failed
#define CLI_MISUSE 2 // wrong words on the command line, or nothing could be started

#define CLI_DATA_DEFAULT "maclab-data"

extern const char cli_version[];  // "0.1.0"
extern const char cli_revision[]; // of git
extern const char cli_program[];  // "MacLab 0.1.0 (revision)", for certificates

// Whether this is the program of the tests that keeps what is sent (archive.h): a constant of the
// one file in which the two programs differ (whole_gate.c, tests/as_sent.c).
extern const bool cli_as_sent;

// "maclab: …" on standard error; the second form adds where and why and returns `status`.
void cli_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
int cli_fail(int status, const struct err *why);

// The folder named by --data, $MACLAB_DATA or the default: for the dispatcher, before a command
// reads its own words. Never NULL.
const char *cli_data_dir(int argc, char **argv);

// A bar on standard error when that is a terminal and a second has gone by; silent otherwise.
struct cli_progress {
    const char *what;
    uint64_t done, total; // total 0: not known
    int64_t started_us, shown_us;
    bool terminal, visible;
};
void cli_progress_start(struct cli_progress *p, const char *what, uint64_t total);
void cli_progress_step(struct cli_progress *p, uint64_t done);
void cli_progress_end(struct cli_progress *p); // removes the bar

int cmd_audit(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_commit(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_deid(int argc, char **argv);
int cmd_dump(int argc, char **argv);
int cmd_echo(int argc, char **argv);
int cmd_find(int argc, char **argv);
int cmd_get(int argc, char **argv);
int cmd_hold(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_inbox(int argc, char **argv);
int cmd_move(int argc, char **argv);
int cmd_route(int argc, char **argv);
int cmd_peer(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_store(int argc, char **argv);
int cmd_verify(int argc, char **argv);

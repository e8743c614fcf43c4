// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/version.h"

const char cli_version[] = MACLAB_VERSION;
const char cli_program[] = "MacLab " MACLAB_VERSION " (" MACLAB_REVISION ")";
const char cli_revision[] = MACLAB_REVISION;

#define BAR_WIDTH 40
#define BAR_AFTER CLOCK_SECOND
#define BAR_EVERY (CLOCK_SECOND / 10)

void cli_complain(const char *format, ...) {
    va_list args;
    va_start(args, format);
    (void)fputs("maclab: ", stderr);
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
    va_end(args);
}

int cli_fail(int status, const struct err *why) {
    char line[ERR_TEXT_MAX + ERR_PATH_MAX + 128];
    cli_complain("%s", err_line(why, line, sizeof line));
    return status;
}

// Reads the words as the command itself will, on a copy, because getopt reorders; what it does not
// know is the command's business.
static const char *named_data_dir(int argc, char **words) {
    static const struct option options[] = {{"data", required_argument, NULL, 'd'},
                                            {NULL, 0, NULL, 0}};
    const char *dir = NULL;
    int option;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, words, "d:", options, NULL)) != -1) {
        dir = option == 'd' ? optarg : dir;
    }
    return dir;
}

const char *cli_data_dir(int argc, char **argv) {
    char **words = mem_array((size_t)argc + 1, sizeof *words);
    const char *dir = NULL;
    if (words != NULL) {
        memcpy(words, argv, (size_t)argc * sizeof *words);
        dir = named_data_dir(argc, words);
        mem_free(words);
    }
    dir = dir == NULL ? getenv("MACLAB_DATA") : dir;
    return dir == NULL || dir[0] == '\0' ? CLI_DATA_DEFAULT : dir;
}

void cli_progress_start(struct cli_progress *p, const char *what, uint64_t total) {
    *p = (struct cli_progress){.what = what,
                               .total = total,
                               .started_us = clock_monotonic(clock_system()),
                               .terminal = isatty(STDERR_FILENO) == 1};
}

static void draw(const struct cli_progress *p) {
    if (p->total == 0) {
        (void)fprintf(stderr, "\r%s: %llu", p->what, (unsigned long long)p->done);
        return;
    }
    char bar[BAR_WIDTH + 1];
    uint64_t filled = p->done * BAR_WIDTH / p->total;
    for (uint64_t i = 0; i < BAR_WIDTH; i++) {
        bar[i] = i < filled ? '#' : '.';
    }
    bar[BAR_WIDTH] = '\0';
    (void)fprintf(stderr, "\r%s [%s] %llu of %llu", p->what, bar, (unsigned long long)p->done,
                  (unsigned long long)p->total);
}

void cli_progress_step(struct cli_progress *p, uint64_t done) {
    p->done = done;
    if (!p->terminal) {
        return;
    }
    int64_t now = clock_monotonic(clock_system());
    if (now - p->started_us >= BAR_AFTER && now - p->shown_us >= BAR_EVERY) {
        p->shown_us = now;
        p->visible = true;
        draw(p);
    }
}

void cli_progress_end(struct cli_progress *p) {
    if (p->visible) {
        (void)fputs("\r\033[K", stderr);
        p->visible = false;
    }
}

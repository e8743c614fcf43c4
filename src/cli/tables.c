// SPDX-License-Identifier: Apache-2.0
#include "cli/tables.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "base/clock.h"
#include "cli/cli.h"

int cli_tables_open(const char *data_dir, struct archive **ret_archive, struct err *e) {
    const struct archive_options options = {
        .data_dir = data_dir, .clock = clock_system(), .as_sent = cli_as_sent, .no_workers = true};
    return archive_open(&options, ret_archive, e);
}

int cli_tables_flush(const char *command, int status) {
    if (fflush(stdout) != 0 || ferror(stdout)) {
        cli_complain("%s: standard output: %s", command, strerror(errno));
        return CLI_NO;
    }
    return status;
}

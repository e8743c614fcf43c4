// SPDX-License-Identifier: Apache-2.0
// For commands that read and write tables of a data folder beside a running server.
#pragma once

struct archive;
struct err;

// The folder's archive without workers.
int cli_tables_open(const char *data_dir, struct archive **ret_archive, struct err *e);

// What is left is flushed; CLI_NO with a complaint when standard output took it not.
int cli_tables_flush(const char *command, int status);

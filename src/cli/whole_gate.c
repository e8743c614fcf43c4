// SPDX-License-Identifier: Apache-2.0
// What makes this program MacLab: everything passes the whole gate. The tests of transport link
// tests/as_sent.c instead.
#include "cli/cli.h"

const bool cli_as_sent = false;

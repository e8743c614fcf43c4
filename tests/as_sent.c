// SPDX-License-Identifier: Apache-2.0
// The program of the transport tests (build/tests/maclab-as-sent, never installed): the same
// sources as MacLab, but instances are kept as they were sent, so that a test can see again what it
// put in. Its data folders carry a mark, and neither program opens the other's.
#include "cli/cli.h"

const bool cli_as_sent = true;

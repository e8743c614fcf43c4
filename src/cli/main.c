// SPDX-License-Identifier: Apache-2.0
#include "cli/version.h"
#include <stdio.h>
int main(void) { puts("maclab " MACLAB_REVISION); return 0; }

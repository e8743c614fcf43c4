// SPDX-License-Identifier: Apache-2.0
// Text and code strings of the header: declared in header_walk.h.
#pragma once

#include "gate/header_walk.h"

// SPDX-License-Identifier: Apache-2.0
// Numbers, UIDs, pseudonyms and ages of the header: declared in header_walk.h.
#pragma once

#include "gate/header_walk.h"

// SPDX-License-Identifier: Apache-2.0
// ICC profiles ((0028,2000), ISO 15076-1): colour stays, words go: declared in header_walk.h.
#pragma once

#include "gate/header_walk.h"

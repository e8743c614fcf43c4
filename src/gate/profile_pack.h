// SPDX-License-Identifier: Apache-2.0
// Compiled profiles as bytes for a worker, and back: declared in profile.h.
#pragma once

#include "gate/profile.h"

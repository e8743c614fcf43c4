// SPDX-License-Identifier: Apache-2.0
// Making a picture of one frame, for the doors of rendered resources and WADO-URI.
#pragma once

#include <stdbool.h>

#include "archive/jobs.h"
#include "archive/retrieve.h"

struct web_request;

struct web_picture_work {
    struct retrieve_instance instance;
    struct render_request request;
    bool thumbnail;
};

// Answers from memory, or defers to a thread that renders. `work` must live as long as the request.
// On an event thread only.
void web_picture_make(struct web_request *r, struct web_picture_work *work);

// SPDX-License-Identifier: Apache-2.0
// The query parameters of rendered resources (PS3.18 8.3.5: window, viewport, quality, annotation;
// overlays=no is our own) and of WADO-URI (9.1.2) as a request to the worker.
#pragma once

#include <stdint.h>

#include "archive/jobs.h"

struct err;
struct web_url;

#define WEB_THUMBNAIL_SIDE 256u

// Everything but frame and format. Unknown parameters are passed over. E_ARGUMENT with a sentence.
int web_render_params(const struct web_url *url, struct render_request *ret_request, struct err *e);

// A thumbnail: viewport only, WEB_THUMBNAIL_SIDE when not said.
int web_thumbnail_params(const struct web_url *url, struct render_request *ret_request,
                         struct err *e);

// rows, columns, region, windowCenter, windowWidth, imageQuality, frameNumber. Image size in pixels
// for the region, which is given in fractions.
int web_wado_params(const struct web_url *url, uint32_t rows, uint32_t columns,
                    struct render_request *ret_request, struct err *e);

// The request as text, for entity tags: equal requests give equal texts.
#define WEB_RENDER_TEXT_MAX 256
void web_render_text(const struct render_request *request, char out[WEB_RENDER_TEXT_MAX]);

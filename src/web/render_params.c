// SPDX-License-Identifier: Apache-2.0
#include "web/render_params.h"

#include <stdio.h>

#include "base/err.h"
#include "base/num.h"
#include "pixel/render.h"
#include "web/url.h"

static int number(const struct web_url *url, const char *name, uint64_t min, uint64_t max,
                  uint32_t *ret_number, struct err *e) {
    struct slice text = web_url_param(url, name);
    uint64_t value;
    if (text.ptr == NULL) {
        return E_OK;
    }
    if (!num_parse_u64(text, max, &value) || value < min) {
        return err_set(e, E_ARGUMENT, "%s must be a whole number from %llu to %llu", name,
                       (unsigned long long)min, (unsigned long long)max);
    }
    *ret_number = (uint32_t)value;
    return E_OK;
}

static int window(const struct web_url *url, struct render_request *request, struct err *e) {
    struct slice text = web_url_param(url, "window");
    struct px_render_options options = {0};
    if (text.ptr == NULL) {
        return E_OK;
    }
    int rc = px_window_parse(text, &options, e);
    if (rc == E_OK) {
        request->has_window = true;
        request->centre = options.window.centre;
        request->window_width = options.window.width;
        request->function = (uint32_t)options.window.function;
    }
    return rc;
}

static int viewport(const struct web_url *url, struct render_request *request, struct err *e) {
    struct slice text = web_url_param(url, "viewport");
    struct px_render_options options = {0};
    if (text.ptr == NULL) {
        return E_OK;
    }
    int rc = px_viewport_parse(text, &options, e);
    if (rc == E_OK) {
        const struct px_viewport *v = &options.viewport;
        request->width = v->width;
        request->height = v->height;
        if (v->has_region) {
            request->source[0] = v->x;
            request->source[1] = v->y;
            request->source[2] = v->region_width;
            request->source[3] = v->region_height;
        }
    }
    return rc;
}

// Our own: overlay planes are part of the picture unless they are not wanted.
static int overlays(const struct web_url *url, struct render_request *request, struct err *e) {
    struct slice text = web_url_param(url, "overlays");
    bool no = slice_eq_str(text, "no");
    if (text.ptr != NULL && !no && !slice_eq_str(text, "yes")) {
        return err_set(e, E_ARGUMENT, "overlays must be yes or no");
    }
    request->hide_overlays = no;
    return E_OK;
}

static int refuse_annotation(const struct web_url *url, struct err *e) {
    if (web_url_param(url, "annotation").len > 0) {
        return err_set(e, E_NOT_ACCEPTABLE,
                       "annotation is not offered: pictures of this server carry no text");
    }
    return E_OK;
}

int web_render_params(const struct web_url *url, struct render_request *ret_request,
                      struct err *e) {
    struct render_request request = {0};
    int rc = window(url, &request, e);
    if (rc == E_OK) {
        rc = viewport(url, &request, e);
    }
    if (rc == E_OK) {
        rc = number(url, "quality", 1, 100, &request.quality, e);
    }
    if (rc == E_OK) {
        rc = overlays(url, &request, e);
    }
    if (rc == E_OK) {
        rc = refuse_annotation(url, e);
    }
    if (rc == E_OK) {
        *ret_request = request;
    }
    return rc;
}

int web_thumbnail_params(const struct web_url *url, struct render_request *ret_request,
                         struct err *e) {
    struct render_request request = {.width = WEB_THUMBNAIL_SIDE, .height = WEB_THUMBNAIL_SIDE};
    int rc = viewport(url, &request, e);
    if (rc == E_OK) {
        *ret_request = request;
    }
    return rc;
}

static int wado_window(const struct web_url *url, struct render_request *request, struct err *e) {
    struct slice centre = web_url_param(url, "windowCenter");
    struct slice width = web_url_param(url, "windowWidth");
    if (centre.ptr == NULL && width.ptr == NULL) {
        return E_OK;
    }
    if (!num_parse_double(centre, &request->centre) ||
        !num_parse_double(width, &request->window_width) || request->window_width < 1) {
        return err_set(e, E_ARGUMENT,
                       "windowCenter and windowWidth must both be numbers, the width at least 1");
    }
    request->has_window = true;
    return E_OK;
}

static int wado_region(const struct web_url *url, uint32_t rows, uint32_t columns,
                       struct render_request *request, struct err *e) {
    struct slice text = web_url_param(url, "region");
    double v[4];
    size_t count = 0;
    struct slice part;
    if (text.ptr == NULL) {
        return E_OK;
    }
    while (count < 4 && slice_split(&text, ',', &part) && num_parse_double(part, &v[count]) &&
           v[count] >= 0 && v[count] <= 1) {
        count++;
    }
    if (count < 4 || text.ptr != NULL || v[0] >= v[2] || v[1] >= v[3]) {
        return err_set(e, E_ARGUMENT,
                       "region must be xmin,ymin,xmax,ymax as fractions of the image");
    }
    request->source[0] = v[0] * columns;
    request->source[1] = v[1] * rows;
    request->source[2] = (v[2] - v[0]) * columns;
    request->source[3] = (v[3] - v[1]) * rows;
    return E_OK;
}

// One of rows and columns alone keeps the shape: the other may be as large as it likes.
static int wado_size(const struct web_url *url, struct render_request *request, struct err *e) {
    int rc = number(url, "rows", 1, PX_VIEWPORT_MAX, &request->height, e);
    if (rc == E_OK) {
        rc = number(url, "columns", 1, PX_VIEWPORT_MAX, &request->width, e);
    }
    if (rc == E_OK && request->height == 0 && request->width > 0) {
        request->height = PX_VIEWPORT_MAX;
    } else if (rc == E_OK && request->width == 0 && request->height > 0) {
        request->width = PX_VIEWPORT_MAX;
    }
    return rc;
}

int web_wado_params(const struct web_url *url, uint32_t rows, uint32_t columns,
                    struct render_request *ret_request, struct err *e) {
    struct render_request request = {0};
    int rc = wado_size(url, &request, e);
    if (rc == E_OK) {
        rc = wado_window(url, &request, e);
    }
    if (rc == E_OK) {
        rc = wado_region(url, rows, columns, &request, e);
    }
    if (rc == E_OK) {
        rc = number(url, "imageQuality", 1, 100, &request.quality, e);
    }
    if (rc == E_OK) {
        rc = number(url, "frameNumber", 1, UINT32_MAX, &request.frame, e);
    }
    if (rc == E_OK) {
        rc = overlays(url, &request, e);
    }
    if (rc == E_OK) {
        rc = refuse_annotation(url, e);
    }
    if (rc == E_OK) {
        *ret_request = request;
    }
    return rc;
}

void web_render_text(const struct render_request *q, char out[WEB_RENDER_TEXT_MAX]) {
    (void)snprintf(out, WEB_RENDER_TEXT_MAX,
                   "%u %d %u %ux%u %.6g,%.6g,%.6g,%.6g %d %.9g %.9g %u %u", q->frame,
                   (int)q->format, q->quality, q->width, q->height, q->source[0], q->source[1],
                   q->source[2], q->source[3], (int)q->has_window, q->centre, q->window_width,
                   q->function, q->hide_overlays);
}

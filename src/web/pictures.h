// SPDX-License-Identifier: Apache-2.0
// Rendered pictures last asked for, in memory up to a limit: windowing to and fro and a page of
// thumbnails ask for the same ones. Keys are entity tags, so an entry is never out of date.
#pragma once

#include <stddef.h>

struct buf;
struct err;
struct web_picture;
struct web_pictures;
struct web_request;

#define WEB_PICTURES_BYTES_MAX ((size_t)12 << 20)

int web_pictures_new(struct web_pictures **ret_pictures, struct err *e);
void web_pictures_free(struct web_pictures *p); // NULL allowed; answers may still hold pictures

// Thread-safe. NULL when it is not there; give it back with web_picture_done or web_picture_answer.
struct web_picture *web_pictures_find(struct web_pictures *p, const char *key);

// Takes the bytes over; the picture is kept when it is not too large. NULL: no memory.
struct web_picture *web_pictures_keep(struct web_pictures *p, const char *key, struct buf *bytes);

void web_picture_done(struct web_picture *picture);

// 200 with the picture, immutable under `etag`. Gives the picture back.
void web_picture_answer(struct web_request *r, struct web_picture *picture, const char *type,
                        const char *etag);

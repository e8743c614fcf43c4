// SPDX-License-Identifier: Apache-2.0
#include "web/openapi.h"

const unsigned char web_openapi[] = {
#include "web/openapi_bytes.h"
};
const size_t web_openapi_len = sizeof web_openapi;

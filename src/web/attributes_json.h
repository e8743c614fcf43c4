// SPDX-License-Identifier: Apache-2.0
// A row of the catalogue as one object of the DICOM JSON model (PS3.18 F.2).
#pragma once

struct buf;
struct json;
struct search_row;

// Attributes in ascending order of their tags, as F.2.1.1 has them. `retrieve_url` becomes
// (0008,1190).
void web_attributes_write(struct json *j, const struct search_row *row, const char *retrieve_url);

// A string value: {"vr":"UI","Value":["…"]}, for answers made by hand. NULL or "": without a Value.
void web_attribute_text(struct json *j, const char *tag, const char *vr, const char *text);

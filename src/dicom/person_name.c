// SPDX-License-Identifier: Apache-2.0
// Component groups and components (PS3.5 6.2.1). Name order for display is the western one.
#include "dicom/person_name.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"

static size_t count_chars(struct slice utf8) {
    size_t count = 0;
    for (size_t i = 0; i < utf8.len; i++) {
        count += (utf8.ptr[i] & 0xC0) != 0x80;
    }
    return count;
}

static void parse_group(struct slice group, struct slice parts[DCM_NAME_COMPONENTS],
                        struct dcm_person_name *name) {
    struct slice rest = group;
    struct slice part;
    for (int i = 0; i < DCM_NAME_COMPONENTS && slice_split(&rest, '^', &part); i++) {
        if (i == DCM_NAME_COMPONENTS - 1 && rest.ptr != NULL) {
            name->too_many_components = true;
            part.len = group.len - (size_t)(part.ptr - group.ptr);
        }
        parts[i] = slice_trim(part, " ");
    }
}

static struct slice trim_end(struct slice s) {
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\0')) {
        s.len--;
    }
    return s;
}

void dcm_name_parse(struct slice text, struct dcm_person_name *ret_name) {
    struct dcm_person_name name = {0};
    struct slice rest = text.ptr == NULL ? slice_str("") : trim_end(text);
    struct slice group;
    for (int i = 0; i < DCM_NAME_GROUPS && slice_split(&rest, '=', &group); i++) {
        name.groups[i] = trim_end(group);
        name.too_long = name.too_long || count_chars(name.groups[i]) > DCM_NAME_GROUP_CHARS_MAX;
        parse_group(name.groups[i], name.parts[i], &name);
    }
    name.too_many_groups = rest.ptr != NULL;
    *ret_name = name;
}

static int check_part(struct slice part, bool carets, struct err *e) {
    for (size_t i = 0; i < part.len; i++) {
        uint8_t c = part.ptr[i];
        if (c < 0x20 || c == 0x7F || c == '\\' || c == '=' || (c == '^' && !carets)) {
            (void)err_set(e, E_VALUE, "a part of a name holds byte %02X", c);
            return err_at(e, i);
        }
    }
    return utf8_valid(part) ? E_OK : err_set(e, E_VALUE, "a part of a name is not UTF-8");
}

static int last_part(const struct slice parts[DCM_NAME_COMPONENTS]) {
    int last = DCM_NAME_COMPONENTS - 1;
    while (last >= 0 && parts[last].len == 0) {
        last--;
    }
    return last;
}

int dcm_name_put(const struct dcm_person_name *name, struct buf *out, struct err *e) {
    int groups = DCM_NAME_GROUPS;
    while (groups > 0 && last_part(name->parts[groups - 1]) < 0) {
        groups--;
    }
    for (int g = 0; g < groups; g++) {
        for (int p = 0; p < DCM_NAME_COMPONENTS; p++) {
            bool carets = name->too_many_components && p == DCM_NAME_COMPONENTS - 1;
            int rc = check_part(name->parts[g][p], carets, e);
            if (rc != E_OK) {
                return rc;
            }
        }
    }
    for (int g = 0; g < groups; g++) {
        if (g > 0) {
            buf_put_byte(out, '=');
        }
        int last = last_part(name->parts[g]);
        for (int p = 0; p <= last; p++) {
            if (p > 0) {
                buf_put_byte(out, '^');
            }
            buf_put_slice(out, name->parts[g][p]);
        }
    }
    return E_OK;
}

static void put_word(struct buf *out, size_t start, const char *before, struct slice part) {
    if (part.len > 0) {
        buf_put_str(out, out->len > start ? before : "");
        buf_put_slice(out, part);
    }
}

void dcm_name_put_display(const struct dcm_person_name *name, enum dcm_name_group group,
                          struct buf *out) {
    const struct slice *parts = name->parts[group];
    size_t start = out->len;
    put_word(out, start, " ", parts[DCM_NAME_PREFIX]);
    put_word(out, start, " ", parts[DCM_NAME_GIVEN]);
    put_word(out, start, " ", parts[DCM_NAME_MIDDLE]);
    put_word(out, start, " ", parts[DCM_NAME_FAMILY]);
    put_word(out, start, ", ", parts[DCM_NAME_SUFFIX]);
}

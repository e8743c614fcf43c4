// SPDX-License-Identifier: Apache-2.0
#include "node/extended.h"

#include <string.h>

#include "dimse/association.h"
#include "node/classes.h"

// Questions by their byte, NUL-free words: r relational, d dates with times, f fuzzy names, x a
// reserved byte that stands at 1, - what is not done here (time zone adjustment, conversion of
// enhanced multi-frame images, …).
static const struct {
    const char *sop_class, *bytes;
} classes[] = {{NODE_PATIENT_FIND, "rdf"}, {NODE_STUDY_FIND, "rdf"}, {NODE_PATIENT_MOVE, "r"},
               {NODE_STUDY_MOVE, "r"},     {NODE_PATIENT_GET, "r"},  {NODE_STUDY_GET, "r"},
               {NODE_WORKLIST_FIND, "xxf"}};

static const char *bytes_of(const char *sop_class) {
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (strcmp(classes[i].sop_class, sop_class) == 0) {
            return classes[i].bytes;
        }
    }
    return NULL;
}

size_t node_extended_answer(const char *sop_class, struct slice asked,
                            uint8_t ret_answer[NODE_EXTENDED_MAX]) {
    const char *bytes = bytes_of(sop_class);
    if (bytes == NULL || asked.len == 0) {
        return 0;
    }
    size_t len = asked.len < NODE_EXTENDED_MAX ? asked.len : NODE_EXTENDED_MAX;
    for (size_t i = 0; i < len; i++) {
        ret_answer[i] = i < strlen(bytes) && asked.ptr[i] == 1;
    }
    return len;
}

bool node_extended(const struct dimse_context *c, enum node_extended what) {
    static const char words[] = {
        [NODE_RELATIONAL] = 'r', [NODE_COMBINED] = 'd', [NODE_FUZZY] = 'f'};
    const char *bytes = bytes_of(c->abstract_syntax);
    const char *at = bytes == NULL ? NULL : strchr(bytes, words[what]);
    return at != NULL && c->answered.len > (size_t)(at - bytes) && c->answered.ptr[at - bytes] == 1;
}

// SPDX-License-Identifier: Apache-2.0
#include "gate/gate.h"

const char *gate_verdict_word(enum gate_verdict verdict) {
    static const char *const words[] = {
#define X(name, word) word,
        GATE_VERDICT_LIST(X)
#undef X
    };
    return (unsigned)verdict < GATE_VERDICT_COUNT ? words[verdict] : "refused";
}

const char *gate_reason_code(enum gate_reason reason) {
    static const char *const codes[] = {"none",
#define X(name, code, words) code,
                                        GATE_REASON_LIST(X)
#undef X
    };
    return (unsigned)reason < GATE_REASON_COUNT ? codes[reason] : "none";
}

const char *gate_reason_words(enum gate_reason reason) {
    static const char *const sentences[] = {"",
#define X(name, code, words) words,
                                            GATE_REASON_LIST(X)
#undef X
    };
    return (unsigned)reason < GATE_REASON_COUNT ? sentences[reason] : "";
}

void gate_note(struct gate_report *r, enum gate_reason reason, const struct err *where) {
    if (r->finding_count < GATE_FINDINGS_MAX) {
        struct gate_finding *f = &r->findings[r->finding_count++];
        f->reason = reason;
        f->where = where == NULL ? (struct err){0} : *where;
    }
}

int gate_decide(struct gate_report *r, enum gate_verdict verdict, enum gate_reason reason,
                const struct err *why) {
    r->verdict = verdict;
    r->reason = reason;
    r->why = *why;
    return why->code;
}

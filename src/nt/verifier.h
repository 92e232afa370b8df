/* The rules that a driver must obey, and what is done when it does not. */
#pragma once

#include "base/types.h"

enum rule_level { LEVEL_OFF, LEVEL_ADVICE, LEVEL_ERROR };
enum verifier_mode { VERIFIER_REPORT, VERIFIER_BUGCHECK, VERIFIER_OFF };

struct rule {
    const char *id; /* "C4-7C", "IrqlMmApcLte", "stale_tlb_use" */
    enum rule_level level;
    const char *what;    /* what was done wrong */
    const char *instead; /* what should have been done */
    const char *page;    /* document */
    uint32_t code;       /* bug check of Driver Verifier, 0 = it does not stop for this */
    uint64_t p1;
};

/* The page of rules that any routine's page can be the source of. */
#define ROUTINES_PAGE "the routine's page"

extern const struct rule rules[]; /* sorted by id; ends with a NULL id */
extern const size_t rule_count;
const struct rule *rule_find(const char *id); /* NULL when unknown */
/* Whether the documents also call `named` what is reported as `broken`: a breach is reported under
 * one id only. A rule is its own name too. */
bool rule_is_also(const struct rule *broken, const struct rule *named);

struct violation {
    const struct rule *rule;
    enum rule_level level;
    uint64_t seq;
    uint32_t file, line;
    const char *what;  /* rule->what, or a more exact text */
    const char *page;  /* rule->page, or that of the routine where the rule means any routine's */
    uint64_t more;     /* advice: how often the same line broke the same rule again */
};

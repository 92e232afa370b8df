/* Lines of events that say the same again. A step of a loop makes an event a round, and most of its
 * line is what it was the last time. So the last line of each step is kept, with a key of all that
 * its sections tell of: sections whose part of the key is what it was are copied. */
#pragma once

#include "base/text.h"
#include "sim/event.h"

enum json_section {
    SECTION_PLACE,
    SECTION_ARGS,
    SECTION_OUTCOME,
    SECTION_MDL,
    SECTION_FRAMES,
    SECTION_ACCESSES, /* and phases and curves */
    SECTION_COSTS,
    SECTION_COUNT
};

/* More frames than that and more arguments have no key. */
enum { KEY_FRAMES_MOST = 64, KEY_ARGS_MOST = 8, KEY_ARG_WORDS = 7 };
enum { KEY_WORDS_MOST = 256, LINE_TEXT_BYTES = 2048, JSON_SITES = 128 };

/* What the sections of a line tell of. Pointers stand for texts and tables that never change. */
struct json_key {
    uint32_t end[SECTION_COUNT]; /* words up to the end of each section */
    uint32_t zero;
    uint64_t words[KEY_WORDS_MOST];
};

/* The last line of a step, without what stands in front of its sections. */
struct json_site {
    struct json_key key;
    size_t text_end[SECTION_COUNT]; /* bytes up to the end of each section; the last is 0: none */
    char text[LINE_TEXT_BYTES];
};

/* By the place of a step, one for all that fall together. */
struct json_sites {
    struct where where[JSON_SITES]; /* of the last event there */
    struct json_site *site[JSON_SITES];
};

/* Where the step's last line is kept. NULL while it has made no two in a row: a step that runs once
 * costs nothing. */
struct json_site *json_site_at(struct json_sites *sites, const struct allocator *from,
                               struct where where);
void json_sites_free(struct json_sites *sites, const struct allocator *from);

void json_key_of(struct json_key *key, const struct event *e);
/* Whether all sections are those of the last line, or one of them is. */
bool json_line_again(const struct json_site *site, const struct json_key *key);
bool json_section_again(const struct json_site *site, const struct json_key *key,
                        enum json_section section);
/* Appends the last line, or a section of it. */
void json_line_copy(const struct json_site *site, struct text *t);
void json_section_copy(const struct json_site *site, enum json_section section, struct text *t);
/* What was written from `start` on is the last line now; text_end as in struct json_site. */
void json_line_keep(struct json_site *site, const struct json_key *key, const struct text *t,
                    size_t start, const size_t *text_end);

/* Whether the out parameters of the call have their values. */
static inline bool event_sets_outs(const struct event *e)
{
    const struct outcome *o = e->outcome;
    return o != NULL && o->end == END_RETURNS && !o->failed && !o->undefined;
}
/* The slots of the MDL that are shown. */
static inline uint64_t event_frame_count(const struct event *e)
{
    const struct mdl *m = e->mdl;
    if (m->pfns == NULL) return 0;
    return mdl_page_count(m) < m->slots ? mdl_page_count(m) : m->slots;
}

/* Parts of event lines that say the same again. A step of a loop makes an event a round, and most
 * of its line is what it was the last time: a part is written once, and copied for as long as all
 * that it tells of, its key, is as it was. */
#pragma once

#include "base/diag.h"
#include "base/text.h"

enum json_part_name { PART_PLACE, PART_ARGS, PART_MDL, PART_FRAMES, PART_COSTS, PART_COUNT };

enum { PART_KEY_BYTES = 512, PART_TEXT_BYTES = 640, JSON_SITES = 128 };

struct json_part {
    size_t key_bytes, text_bytes; /* 0: none is kept */
    unsigned char key[PART_KEY_BYTES];
    char text[PART_TEXT_BYTES];
};

/* The parts of one step's events. */
struct json_site {
    struct json_part parts[PART_COUNT];
};

/* By the place of a step, one for all that fall together. */
struct json_sites {
    struct where where[JSON_SITES]; /* of the last event there */
    struct json_site *site[JSON_SITES];
};

/* Where the parts of the step's events are kept. NULL while it has made no two in a row: a step
 * that runs once costs nothing. */
struct json_site *json_site_at(struct json_sites *sites, const struct allocator *from,
                               struct where where);
void json_sites_free(struct json_sites *sites, const struct allocator *from);

/* Copies the part when its key is this one, else false: then it is to be written and kept. A key
 * has no padding; pointers in it stand for texts and tables that never change. NULL for `part` is
 * never the same and keeps nothing, neither does a key or text that is too long. */
bool json_part_again(struct text *t, const struct json_part *part, const void *key,
                     size_t key_bytes);
/* What was written from `start` on is the part of that key. */
void json_part_keep(struct json_part *part, const void *key, size_t key_bytes,
                    const struct text *t, size_t start);

/* Keeping parts of event lines for the next event of the same step. */
#include "trace/json_part.h"

#include "trace/json_write.h"

struct json_site *json_site_at(struct json_sites *sites, const struct allocator *from,
                               struct where where)
{
    size_t i = (where.line * 7 + where.column + where.file * 31) % JSON_SITES;
    struct where last = sites->where[i];
    sites->where[i] = where;
    if (last.line != where.line || last.column != where.column || last.file != where.file)
        return NULL;
    if (sites->site[i] == NULL) sites->site[i] = mem_new(from, 1, sizeof **sites->site);
    return sites->site[i];
}

void json_sites_free(struct json_sites *sites, const struct allocator *from)
{
    for (size_t i = 0; i < JSON_SITES; i++) {
        if (sites->site[i] != NULL) mem_free(from, sites->site[i], 1, sizeof **sites->site);
        sites->site[i] = NULL;
    }
}

bool json_part_again(struct text *t, const struct json_part *part, const void *key,
                     size_t key_bytes)
{
    if (part == NULL || part->key_bytes != key_bytes || key_bytes == 0) return false;
    if (memcmp(part->key, key, key_bytes) != 0) return false;
    json_bytes(t, part->text, part->text_bytes);
    return true;
}

void json_part_keep(struct json_part *part, const void *key, size_t key_bytes,
                    const struct text *t, size_t start)
{
    if (part == NULL) return;
    size_t text_bytes = t->length - start;
    bool fits = key_bytes <= sizeof part->key && text_bytes <= sizeof part->text;
    part->key_bytes = fits ? key_bytes : 0;
    if (!fits) return;
    memcpy(part->key, key, key_bytes);
    memcpy(part->text, t->bytes + start, text_bytes);
    part->text_bytes = text_bytes;
}

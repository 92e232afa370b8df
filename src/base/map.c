/* Hash map from 64-bit keys to 64-bit values: growth, insertion and removal without tombstones. */
#include "base/map.h"

enum { CAPACITY_MIN_BITS = 4 };

void map_init(struct map *m, const struct allocator *from)
{
    *m = (struct map){ .from = from };
}

void map_free(struct map *m)
{
    mem_free(m->from, m->slots, m->capacity + 1, sizeof(struct map_slot));
    map_init(m, m->from);
}

/* The key must not be there, and a slot must be free. */
static void slot_fill(struct map *m, uint64_t key, uint64_t value)
{
    size_t i = map_home(m, key);
    while (m->slots[i].key_plus_one != 0) i = (i + 1) & (m->capacity - 1);
    m->slots[i] = (struct map_slot){ key + 1, value };
}

static void map_double(struct map *m)
{
    struct map old = *m;
    m->capacity = old.capacity == 0 ? (size_t)1 << CAPACITY_MIN_BITS : old.capacity * 2;
    m->hash_shift = old.capacity == 0 ? 64 - CAPACITY_MIN_BITS : old.hash_shift - 1;
    m->slots = mem_new(m->from, m->capacity + 1, sizeof(struct map_slot));
    for (size_t i = 0; i < old.capacity; i++) {
        const struct map_slot *slot = &old.slots[i];
        if (slot->key_plus_one != 0) slot_fill(m, slot->key_plus_one - 1, slot->value);
    }
    if (old.slots != NULL) m->slots[m->capacity] = old.slots[old.capacity];
    mem_free(m->from, old.slots, old.capacity + 1, sizeof(struct map_slot));
}

void map_set(struct map *m, uint64_t key, uint64_t value)
{
    struct map_slot *slot = map_find(m, key);
    if (slot != NULL) {
        slot->value = value;
        return;
    }
    /* At most three quarters full: linear probing then looks at a few slots on average. */
    if (m->count >= m->capacity / 4 * 3) map_double(m);
    m->count++;
    if (key == UINT64_MAX) {
        m->slots[m->capacity] = (struct map_slot){ 1, value };
    } else {
        slot_fill(m, key, value);
    }
}

/* Moves back what was pushed past the hole, so that every probe still ends at the first empty slot
 * (Knuth, 6.4, algorithm R). */
static void hole_close(struct map *m, size_t hole)
{
    size_t mask = m->capacity - 1;
    for (size_t i = (hole + 1) & mask; m->slots[i].key_plus_one != 0; i = (i + 1) & mask) {
        size_t home = map_home(m, m->slots[i].key_plus_one - 1);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole] = (struct map_slot){ 0, 0 };
}

bool map_remove(struct map *m, uint64_t key)
{
    struct map_slot *slot = map_find(m, key);
    if (slot == NULL) return false;
    m->count--;
    if (key == UINT64_MAX) {
        *slot = (struct map_slot){ 0, 0 };
    } else {
        hole_close(m, (size_t)(slot - m->slots));
    }
    return true;
}

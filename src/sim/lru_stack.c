/* LRU stacks by slots in the order of use. */
#include "sim/lru_stack.h"

#include "base/check.h"

#include <string.h>

enum { WORD_SLOTS = 64 };

void lru_init(struct lru_stacks *s, const struct allocator *from, uint32_t sets, uint32_t depth)
{
    uint32_t words = (2 * depth + WORD_SLOTS - 1) / WORD_SLOTS;
    size_t all = (size_t)sets * words;
    *s = (struct lru_stacks){ .from = from, .sets = sets, .depth = depth, .words = words };
    s->used = mem_new(from, all, sizeof *s->used);
    s->tree = mem_new(from, all, sizeof *s->tree);
    s->owner = mem_new(from, all * WORD_SLOTS, sizeof *s->owner);
    s->next = mem_new(from, sets, sizeof *s->next);
    s->live = mem_new(from, sets, sizeof *s->live);
    s->low = mem_new(from, sets, sizeof *s->low);
}

void lru_free(struct lru_stacks *s)
{
    size_t all = (size_t)s->sets * s->words;
    mem_free(s->from, s->used, all, sizeof *s->used);
    mem_free(s->from, s->tree, all, sizeof *s->tree);
    mem_free(s->from, s->owner, all * WORD_SLOTS, sizeof *s->owner);
    mem_free(s->from, s->next, s->sets, sizeof *s->next);
    mem_free(s->from, s->live, s->sets, sizeof *s->live);
    mem_free(s->from, s->low, s->sets, sizeof *s->low);
}

/* Bits of a word, added up in pairs, fours and eights (no instruction of the host is needed). */
static uint32_t bits_of(uint64_t w)
{
    w -= w >> 1 & UINT64_C(0x5555555555555555);
    w = (w & UINT64_C(0x3333333333333333)) + (w >> 2 & UINT64_C(0x3333333333333333));
    w = (w + (w >> 4)) & UINT64_C(0x0F0F0F0F0F0F0F0F);
    return (uint32_t)(w * UINT64_C(0x0101010101010101) >> 56);
}

static void tree_add(uint32_t *tree, uint32_t words, uint32_t word, uint32_t by)
{
    for (uint32_t i = word + 1; i <= words; i += i & (0 - i)) tree[i - 1] += by;
}

/* Slots in use in the words before `word`. */
static uint32_t tree_sum(const uint32_t *tree, uint32_t word)
{
    uint32_t sum = 0;
    for (uint32_t i = word; i > 0; i &= i - 1) sum += tree[i - 1];
    return sum;
}

static void take_bit(struct lru_stacks *s, uint32_t set, uint32_t slot)
{
    size_t row = (size_t)set * s->words;
    s->used[row + slot / WORD_SLOTS] &= ~((uint64_t)1 << slot % WORD_SLOTS);
    tree_add(&s->tree[row], s->words, slot / WORD_SLOTS, UINT32_MAX);
    s->live[set]--;
}

uint32_t lru_take(struct lru_stacks *s, uint32_t set, uint32_t slot)
{
    size_t row = (size_t)set * s->words;
    uint32_t word = slot / WORD_SLOTS;
    uint64_t up_to = s->used[row + word] & (UINT64_MAX >> (WORD_SLOTS - 1 - slot % WORD_SLOTS));
    uint32_t above = s->live[set] - tree_sum(&s->tree[row], word) - bits_of(up_to);
    take_bit(s, set, slot);
    return above;
}

/* Moves all items to the lowest slots of their row, in their order. */
static void close_up(struct lru_stacks *s, uint32_t set, uint32_t *slots, uint32_t stride)
{
    size_t row = (size_t)set * s->words;
    uint32_t *owner = &s->owner[row * WORD_SLOTS], to = 0;
    for (uint32_t word = 0; word < s->words; word++) {
        for (uint64_t left = s->used[row + word]; left != 0; left &= left - 1) {
            uint32_t item = owner[word * WORD_SLOTS + (uint32_t)__builtin_ctzll(left)];
            owner[to] = item;
            slots[(size_t)item * stride] = to++;
        }
    }
    CHECK2(to == s->live[set], to, s->live[set]);
    memset(&s->used[row], 0, s->words * sizeof *s->used);
    memset(&s->tree[row], 0, s->words * sizeof *s->tree);
    for (uint32_t word = 0; word * WORD_SLOTS < to; word++) {
        uint32_t n = to - word * WORD_SLOTS < WORD_SLOTS ? to - word * WORD_SLOTS : WORD_SLOTS;
        s->used[row + word] = UINT64_MAX >> (WORD_SLOTS - n);
        tree_add(&s->tree[row], s->words, word, n);
    }
    s->next[set] = to;
    s->low[set] = 0;
}

static void drop_lowest(struct lru_stacks *s, uint32_t set, uint32_t *slots, uint32_t stride)
{
    size_t row = (size_t)set * s->words;
    while (s->used[row + s->low[set]] == 0) s->low[set]++;
    uint32_t slot =
        s->low[set] * WORD_SLOTS + (uint32_t)__builtin_ctzll(s->used[row + s->low[set]]);
    slots[(size_t)s->owner[row * WORD_SLOTS + slot] * stride] = LRU_NOWHERE;
    take_bit(s, set, slot);
}

void lru_push(struct lru_stacks *s, uint32_t set, uint32_t item, uint32_t *slots, uint32_t stride)
{
    size_t row = (size_t)set * s->words;
    if (s->live[set] == s->depth) drop_lowest(s, set, slots, stride);
    if (s->next[set] == s->words * WORD_SLOTS) close_up(s, set, slots, stride);
    uint32_t slot = s->next[set]++;
    s->used[row + slot / WORD_SLOTS] |= (uint64_t)1 << slot % WORD_SLOTS;
    s->owner[row * WORD_SLOTS + slot] = item;
    slots[(size_t)item * stride] = slot;
    tree_add(&s->tree[row], s->words, slot / WORD_SLOTS, 1);
    s->live[set]++;
}

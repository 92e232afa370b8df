/* Memory through the one allocator that the core is handed, and arenas on top of it. */
#include "base/alloc.h"

#include "base/check.h"
#include "base/types.h"

#include <string.h>

/* Blocks of an arena grow up to LAST, then comes LARGE, which the host may give as a large page. */
enum {
    ALIGN_BYTES = 16,
    BLOCK_BYTES_MIN = 4096,
    BLOCK_BYTES_LAST = 256 << 10,
    BLOCK_BYTES_LARGE = 2 << 20,
    GROW_ITEMS_MIN = 8
};

/* The bytes handed out follow the head, which is one alignment unit long. */
struct arena_block {
    struct arena_block *next;
    size_t bytes; /* of the whole block, the head included */
};
_Static_assert(sizeof(struct arena_block) <= ALIGN_BYTES, "head fits one alignment unit");

static size_t bytes_of(uint64_t count, size_t size)
{
    uint64_t bytes = 0;
    if (__builtin_mul_overflow(count, (uint64_t)size, &bytes))
        BUG2("allocation overflows", count, size);
    return (size_t)bytes == bytes ? (size_t)bytes : SIZE_MAX;
}

void *mem_new(const struct allocator *a, uint64_t count, size_t size)
{
    size_t bytes = bytes_of(count, size);
    if (bytes == 0) return NULL;
    void *block = a->resize(a->context, NULL, 0, bytes);
    memset(block, 0, bytes);
    return block;
}

void mem_free(const struct allocator *a, void *block, uint64_t count, size_t size)
{
    if (block != NULL) a->resize(a->context, block, bytes_of(count, size), 0);
}

void *mem_grow(const struct allocator *a, void *block, size_t *capacity, size_t need, size_t size)
{
    size_t old = *capacity;
    if (need <= old) return block;
    size_t items = old <= SIZE_MAX / 2 ? old * 2 : need;
    if (items < need) items = need;
    if (items < GROW_ITEMS_MIN) items = GROW_ITEMS_MIN;
    size_t old_bytes = bytes_of(old, size);
    size_t new_bytes = bytes_of(items, size);
    char *grown = a->resize(a->context, block, old_bytes, new_bytes);
    memset(grown + old_bytes, 0, new_bytes - old_bytes);
    *capacity = items;
    return grown;
}

static struct arena_block *block_new(struct arena *a, size_t room)
{
    size_t bytes = 0;
    if (__builtin_add_overflow(room, (size_t)ALIGN_BYTES, &bytes)) BUG2("arena overflows", room, 0);
    struct arena_block *block = a->from->resize(a->from->context, NULL, 0, bytes);
    *block = (struct arena_block){ .bytes = bytes };
    return block;
}

/* Starts a block twice as long as the one before, or a large one. */
static void block_open(struct arena *a)
{
    size_t bytes = a->blocks == NULL ? BLOCK_BYTES_MIN : (a->room + ALIGN_BYTES) * 2;
    if (bytes > BLOCK_BYTES_LAST) bytes = BLOCK_BYTES_LARGE;
    struct arena_block *block = block_new(a, bytes - ALIGN_BYTES);
    block->next = a->blocks;
    a->blocks = block;
    a->used = 0;
    a->room = bytes - ALIGN_BYTES;
}

/* A long piece gets a block of its own behind the first, which stays in use. */
static void *block_alone(struct arena *a, size_t bytes)
{
    if (a->blocks == NULL) block_open(a);
    struct arena_block *block = block_new(a, bytes);
    block->next = a->blocks->next;
    a->blocks->next = block;
    return (char *)block + ALIGN_BYTES;
}

void *arena_raw(struct arena *a, size_t bytes)
{
    if (bytes > SIZE_MAX - ALIGN_BYTES) BUG2("arena overflows", bytes, 0);
    size_t rounded = (bytes + ALIGN_BYTES - 1) & ~(size_t)(ALIGN_BYTES - 1);
    if (rounded > BLOCK_BYTES_MIN / 2) return block_alone(a, rounded);
    if (rounded > a->room - a->used) block_open(a);
    void *piece = (char *)a->blocks + ALIGN_BYTES + a->used;
    a->used += rounded;
    return piece;
}

void *arena_new(struct arena *a, size_t count, size_t size)
{
    size_t bytes = bytes_of(count, size);
    if (bytes == 0) bytes = 1;
    return memset(arena_raw(a, bytes), 0, bytes);
}

char *arena_text(struct arena *a, const char *bytes, size_t length)
{
    if (length == SIZE_MAX) BUG2("arena overflows", length, 1);
    char *copy = arena_raw(a, length + 1);
    if (length > 0) memcpy(copy, bytes, length);
    copy[length] = '\0';
    return copy;
}

void arena_free(struct arena *a)
{
    struct arena_block *block = a->blocks;
    while (block != NULL) {
        struct arena_block *next = block->next;
        a->from->resize(a->from->context, block, block->bytes, 0);
        block = next;
    }
    *a = (struct arena){ .from = a->from };
}

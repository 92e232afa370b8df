/* Sets of numbers as maximal runs. Each run is a node of two treaps at once: one ordered by start,
 * whose nodes know the largest count below them, and one ordered by count and start. Nodes are
 * indexes with links to their parents, so nothing recurses, and a run that only gets longer or
 * shorter keeps its place wherever the order allows. */
#include "base/runs.h"

#include "base/check.h"

enum tree { BY_START, BY_COUNT };
enum side { LEFT, RIGHT };

struct runs_link {
    uint32_t child[2], parent;
};

struct runs_node {
    uint64_t start, count;
    uint64_t largest; /* largest count in the subtree of BY_START */
    struct runs_link link[2];
};

/* Treap priorities come from the index alone, so the shape is the same in every run of the program;
 * the finalizer of MurmurHash3 is a bijection, so no two are equal. */
static uint32_t priority(uint32_t n)
{
    n = (n ^ (n >> 16)) * UINT32_C(0x85EBCA6B);
    n = (n ^ (n >> 13)) * UINT32_C(0xC2B2AE35);
    return n ^ (n >> 16);
}

static inline uint32_t *root_of(struct runs *r, enum tree tree)
{
    return tree == BY_START ? &r->by_start : &r->by_count;
}

static inline uint64_t end_of(const struct runs *r, uint32_t n)
{
    return r->nodes[n].start + r->nodes[n].count;
}

static inline bool before(const struct runs *r, enum tree tree, uint32_t a, uint32_t b)
{
    const struct runs_node *x = &r->nodes[a], *y = &r->nodes[b];
    if (tree == BY_COUNT && x->count != y->count) return x->count < y->count;
    return x->start < y->start;
}

/* The largest count of a node and its subtrees; the null node has 0. */
static inline uint64_t largest_of(const struct runs *r, uint32_t n)
{
    const struct runs_node *node = &r->nodes[n];
    uint64_t left = r->nodes[node->link[BY_START].child[LEFT]].largest;
    uint64_t right = r->nodes[node->link[BY_START].child[RIGHT]].largest;
    uint64_t most = left > right ? left : right;
    return node->count > most ? node->count : most;
}

/* Brings `largest` up to date from n to the root; above the first that is right all are. */
static void largest_update(struct runs *r, uint32_t n)
{
    while (n != 0) {
        uint64_t largest = largest_of(r, n);
        if (r->nodes[n].largest == largest) return;
        r->nodes[n].largest = largest;
        n = r->nodes[n].link[BY_START].parent;
    }
}

/* Puts `new` (0 for nothing) where `old` hangs below `parent` (0 for the root). */
static inline void child_replace(struct runs *r, enum tree tree, uint32_t parent, uint32_t old,
                                 uint32_t new)
{
    if (parent == 0) {
        *root_of(r, tree) = new;
    } else {
        struct runs_link *link = &r->nodes[parent].link[tree];
        link->child[link->child[RIGHT] == old ? RIGHT : LEFT] = new;
    }
    if (new != 0) r->nodes[new].link[tree].parent = parent;
}

/* Swaps n with its parent, keeping the order. */
static void rotate_up(struct runs *r, enum tree tree, uint32_t n)
{
    uint32_t parent = r->nodes[n].link[tree].parent;
    struct runs_link *link = &r->nodes[n].link[tree];
    struct runs_link *parent_link = &r->nodes[parent].link[tree];
    enum side side = parent_link->child[RIGHT] == n ? RIGHT : LEFT;
    child_replace(r, tree, parent_link->parent, parent, n);
    uint32_t inner = link->child[!side];
    parent_link->child[side] = inner;
    if (inner != 0) r->nodes[inner].link[tree].parent = parent;
    link->child[!side] = parent;
    parent_link->parent = n;
    if (tree == BY_START) {
        r->nodes[n].largest = r->nodes[parent].largest;
        r->nodes[parent].largest = largest_of(r, parent);
    }
}

static void tree_insert(struct runs *r, enum tree tree, uint32_t n)
{
    uint32_t parent = 0;
    enum side side = LEFT;
    for (uint32_t at = *root_of(r, tree); at != 0; at = r->nodes[at].link[tree].child[side]) {
        if (tree == BY_START && r->nodes[at].largest < r->nodes[n].count) {
            r->nodes[at].largest = r->nodes[n].count;
        }
        parent = at;
        side = before(r, tree, n, at) ? LEFT : RIGHT;
    }
    r->nodes[n].link[tree] = (struct runs_link){ .parent = parent };
    if (parent == 0) {
        *root_of(r, tree) = n;
    } else {
        r->nodes[parent].link[tree].child[side] = n;
    }
    if (tree == BY_START) r->nodes[n].largest = r->nodes[n].count;
    while ((parent = r->nodes[n].link[tree].parent) != 0 && priority(parent) < priority(n)) {
        rotate_up(r, tree, n);
    }
}

/* Compares no keys, so that the node may already have its next ones. */
static void tree_remove(struct runs *r, enum tree tree, uint32_t n)
{
    const struct runs_link *link = &r->nodes[n].link[tree];
    while (link->child[LEFT] != 0 && link->child[RIGHT] != 0) {
        bool right = priority(link->child[RIGHT]) > priority(link->child[LEFT]);
        rotate_up(r, tree, link->child[right ? RIGHT : LEFT]);
    }
    uint32_t only = link->child[LEFT] != 0 ? link->child[LEFT] : link->child[RIGHT];
    uint32_t parent = link->parent;
    child_replace(r, tree, parent, n, only);
    if (tree == BY_START) largest_update(r, parent);
}

/* The node next to n on that side in the order of the tree, or 0. */
static uint32_t neighbour(const struct runs *r, enum tree tree, uint32_t n, enum side side)
{
    uint32_t at = r->nodes[n].link[tree].child[side];
    if (at != 0) {
        while (r->nodes[at].link[tree].child[!side] != 0) at = r->nodes[at].link[tree].child[!side];
        return at;
    }
    at = r->nodes[n].link[tree].parent;
    while (at != 0 && r->nodes[at].link[tree].child[side] == n) {
        n = at;
        at = r->nodes[at].link[tree].parent;
    }
    return at;
}

static uint32_t node_take(struct runs *r)
{
    uint32_t n = r->free_node;
    if (n != 0) {
        r->free_node = r->nodes[n].link[BY_START].child[LEFT];
        return n;
    }
    if (r->node_count == 0) r->node_count = 1;
    if (r->node_count >= r->node_capacity) {
        size_t capacity = r->node_capacity;
        CHECK(capacity < UINT32_MAX / 2);
        r->nodes = mem_grow(r->from, r->nodes, &capacity, r->node_count + (size_t)1,
                            sizeof r->nodes[0]);
        r->node_capacity = (uint32_t)capacity;
    }
    return r->node_count++;
}

static void run_insert(struct runs *r, uint64_t start, uint64_t count)
{
    uint32_t n = node_take(r);
    r->nodes[n].start = start;
    r->nodes[n].count = count;
    tree_insert(r, BY_START, n);
    tree_insert(r, BY_COUNT, n);
    r->run_count++;
}

static void run_remove(struct runs *r, uint32_t n)
{
    tree_remove(r, BY_START, n);
    tree_remove(r, BY_COUNT, n);
    r->nodes[n].link[BY_START].child[LEFT] = r->free_node;
    r->free_node = n;
    r->run_count--;
}

/* Changes a run that keeps its place among the others by start. */
static void run_resize(struct runs *r, uint32_t n, uint64_t start, uint64_t count)
{
    struct runs_node *node = &r->nodes[n];
    bool grows = count > node->count;
    node->start = start;
    node->count = count;
    if (r->run_count == 1) {
        node->largest = count;
        return;
    }
    largest_update(r, n);
    uint32_t next = neighbour(r, BY_COUNT, n, grows ? RIGHT : LEFT);
    if (next == 0 || before(r, BY_COUNT, next, n) == !grows) return;
    tree_remove(r, BY_COUNT, n);
    tree_insert(r, BY_COUNT, n);
}

/* The last run that starts at or before n, or 0; *above gets the one after it, or 0. */
static inline uint32_t floor_of(const struct runs *r, uint64_t n, uint32_t *above)
{
    uint32_t below = 0;
    *above = 0;
    for (uint32_t at = r->by_start; at != 0;) {
        const struct runs_node *node = &r->nodes[at];
        if (node->start <= n) {
            below = at;
            at = node->link[BY_START].child[RIGHT];
        } else {
            *above = at;
            at = node->link[BY_START].child[LEFT];
        }
    }
    return below;
}

void runs_init(struct runs *r, const struct allocator *from)
{
    *r = (struct runs){ .from = from };
}

void runs_free(struct runs *r)
{
    mem_free(r->from, r->nodes, r->node_capacity, sizeof r->nodes[0]);
    runs_init(r, r->from);
}

void runs_clear(struct runs *r)
{
    r->node_count = r->node_capacity > 0 ? 1 : 0;
    r->free_node = r->by_start = r->by_count = 0;
    r->total = r->run_count = 0;
}

void runs_add(struct runs *r, uint64_t start, uint64_t count)
{
    uint64_t end = 0;
    if (count == 0) return;
    CHECK2(add_fits(start, count, &end), start, count);
    uint32_t above = 0;
    uint32_t below = floor_of(r, start, &above);
    CHECK2(below == 0 || end_of(r, below) <= start, start, count);
    CHECK2(above == 0 || end <= r->nodes[above].start, start, count);
    bool joins_below = below != 0 && end_of(r, below) == start;
    bool joins_above = above != 0 && r->nodes[above].start == end;
    r->total += count;
    if (joins_above) count += r->nodes[above].count;
    if (joins_below) {
        if (joins_above) run_remove(r, above);
        run_resize(r, below, r->nodes[below].start, r->nodes[below].count + count);
    } else if (joins_above) {
        run_resize(r, above, start, count);
    } else {
        run_insert(r, start, count);
    }
}

/* Removes [start, end), all of which is in run n. */
static void run_cut(struct runs *r, uint32_t n, uint64_t start, uint64_t end)
{
    uint64_t run_start = r->nodes[n].start;
    uint64_t run_end = end_of(r, n);
    r->total -= end - start;
    if (start == run_start && end == run_end) {
        run_remove(r, n);
    } else if (start == run_start) {
        run_resize(r, n, end, run_end - end);
    } else {
        run_resize(r, n, run_start, start - run_start);
        if (end < run_end) run_insert(r, end, run_end - end);
    }
}

void runs_remove(struct runs *r, uint64_t start, uint64_t count)
{
    uint64_t end = 0;
    if (count == 0) return;
    CHECK2(add_fits(start, count, &end), start, count);
    uint32_t above = 0;
    uint32_t n = floor_of(r, start, &above);
    CHECK2(n != 0 && end <= end_of(r, n), start, count);
    run_cut(r, n, start, end);
}

/* start + count, or the end of all numbers. */
static uint64_t end_clamped(uint64_t start, uint64_t count)
{
    uint64_t end = 0;
    return add_fits(start, count, &end) ? end : UINT64_MAX;
}

uint64_t runs_remove_any(struct runs *r, uint64_t start, uint64_t count)
{
    uint64_t end = end_clamped(start, count), total = r->total;
    uint32_t above = 0;
    uint32_t n = floor_of(r, start, &above);
    if (n == 0 || end_of(r, n) <= start) n = above;
    while (n != 0 && r->nodes[n].start < end) {
        uint64_t first = r->nodes[n].start, run_end = end_of(r, n);
        uint32_t next = run_end < end ? neighbour(r, BY_START, n, RIGHT) : 0;
        run_cut(r, n, first > start ? first : start, run_end < end ? run_end : end);
        n = next;
    }
    return total - r->total;
}

bool runs_has(const struct runs *r, uint64_t start, uint64_t count)
{
    uint64_t end = 0;
    uint32_t above = 0;
    if (count == 0) return true;
    if (!add_fits(start, count, &end)) return false;
    uint32_t n = floor_of(r, start, &above);
    return n != 0 && end <= end_of(r, n);
}

bool runs_overlaps(const struct runs *r, uint64_t start, uint64_t count)
{
    if (count == 0) return false;
    uint32_t above = 0;
    uint32_t n = floor_of(r, start, &above);
    if (n != 0 && end_of(r, n) > start) return true;
    return above != 0 && r->nodes[above].start < end_clamped(start, count);
}

static bool run_give(const struct runs *r, uint32_t n, struct run *out)
{
    if (n == 0) return false;
    *out = (struct run){ r->nodes[n].start, r->nodes[n].count };
    return true;
}

bool runs_at_or_after(const struct runs *r, uint64_t n, struct run *out)
{
    uint32_t above = 0;
    uint32_t below = floor_of(r, n, &above);
    return run_give(r, below != 0 && end_of(r, below) > n ? below : above, out);
}

bool runs_at_or_before(const struct runs *r, uint64_t n, struct run *out)
{
    uint32_t above = 0;
    return run_give(r, floor_of(r, n, &above), out);
}

/* The first run of at least `count` below `at`, whose subtree holds one. */
static uint32_t fit_lowest(const struct runs *r, uint32_t at, uint64_t count)
{
    for (;;) {
        const struct runs_node *node = &r->nodes[at];
        uint32_t left = node->link[BY_START].child[LEFT];
        if (r->nodes[left].largest >= count) {
            at = left;
        } else if (node->count >= count) {
            return at;
        } else {
            at = node->link[BY_START].child[RIGHT];
        }
    }
}

/* The first run of at least `count` after n by start, or 0. */
static uint32_t fit_next(const struct runs *r, uint32_t n, uint64_t count)
{
    uint32_t right = r->nodes[n].link[BY_START].child[RIGHT];
    if (r->nodes[right].largest >= count) return fit_lowest(r, right, count);
    for (uint32_t at; (at = r->nodes[n].link[BY_START].parent) != 0; n = at) {
        right = r->nodes[at].link[BY_START].child[RIGHT];
        if (right == n) continue;
        if (r->nodes[at].count >= count) return at;
        if (r->nodes[right].largest >= count) return fit_lowest(r, right, count);
    }
    return 0;
}

bool runs_largest(const struct runs *r, struct run *out)
{
    if (r->by_start == 0) return false;
    return run_give(r, fit_lowest(r, r->by_start, r->nodes[r->by_start].largest), out);
}

bool runs_first_fit(const struct runs *r, uint64_t count, uint64_t from, uint64_t last,
                    uint64_t align, uint64_t *start)
{
    CHECK2(count >= 1 && align >= 1 && (align & (align - 1)) == 0, count, align);
    if (r->by_start == 0 || r->nodes[r->by_start].largest < count) return false;
    uint32_t above = 0;
    uint32_t n = floor_of(r, from, &above);
    if (n == 0) n = fit_lowest(r, r->by_start, count);
    for (; n != 0; n = fit_next(r, n, count)) {
        uint64_t end = end_of(r, n);
        uint64_t place = r->nodes[n].start > from ? r->nodes[n].start : from;
        if (!add_fits(place, align - 1, &place)) return false;
        place &= ~(align - 1);
        if (place > last || last - place < count - 1) return false;
        if (place < end && end - place >= count) {
            *start = place;
            return true;
        }
    }
    return false;
}

bool runs_best_fit(const struct runs *r, uint64_t count, uint64_t *start)
{
    uint32_t best = 0;
    for (uint32_t at = r->by_count; at != 0;) {
        bool fits = r->nodes[at].count >= count;
        if (fits) best = at;
        at = r->nodes[at].link[BY_COUNT].child[fits ? LEFT : RIGHT];
    }
    if (best != 0) *start = r->nodes[best].start;
    return best != 0;
}

/* Walks one tree in order; returns how many nodes it has. */
static uint64_t tree_check(const struct runs *r, enum tree tree, uint32_t root)
{
    uint64_t count = 0;
    uint32_t n = root;
    for (uint32_t at = root; at != 0; at = r->nodes[at].link[tree].child[LEFT]) n = at;
    for (uint32_t next; n != 0; n = next, count++) {
        const struct runs_link *link = &r->nodes[n].link[tree];
        next = neighbour(r, tree, n, RIGHT);
        CHECK2(next == 0 || before(r, tree, n, next), n, next);
        CHECK2(tree != BY_START || next == 0 || end_of(r, n) < r->nodes[next].start, n, next);
        CHECK2(tree != BY_START || r->nodes[n].largest == largest_of(r, n), n, tree);
        CHECK2(link->parent != 0 || root == n, n, tree);
        for (size_t side = 0; side < 2; side++) {
            uint32_t child = link->child[side];
            CHECK2(child == 0 || r->nodes[child].link[tree].parent == n, n, child);
            CHECK2(child == 0 || priority(child) < priority(n), n, child);
        }
        CHECK2(count < r->run_count, count, r->run_count);
    }
    return count;
}

void runs_check(const struct runs *r)
{
    uint64_t total = 0, spare = 0;
    CHECK(tree_check(r, BY_START, r->by_start) == r->run_count);
    CHECK(tree_check(r, BY_COUNT, r->by_count) == r->run_count);
    struct run run = { 0, 0 };
    for (uint64_t n = 0; runs_at_or_after(r, n, &run); n = run.start + run.count) {
        CHECK2(run.count > 0, run.start, run.count);
        total += run.count;
    }
    CHECK2(total == r->total, total, r->total);
    uint32_t free_node = r->free_node;
    for (; free_node != 0; spare++) free_node = r->nodes[free_node].link[BY_START].child[LEFT];
    CHECK2(r->node_count == 0 || spare + r->run_count + 1 == r->node_count, spare, r->node_count);
    CHECK(r->node_count == 0 || r->nodes[0].largest == 0);
}

/* How far processors are from each other: the same cluster around an L3 cache, the same socket,
 * another one. */
#include "model/tlb_level.h"

enum { NEAR_SOCKETS_MOST = 4 };

/* Sockets hold equal shares of the processors. */
static bool share_socket(const struct hw *hw, const struct cpu *a, const struct cpu *b)
{
    uint32_t share = (hw->cpu_count + hw->socket_count - 1) / hw->socket_count;
    return a->number / share == b->number / share;
}

/* Up to four sockets are joined each to each; of more the others are far. */
enum cost hw_ipi_cost(const struct hw *hw, const struct cpu *to)
{
    if (share_socket(hw, hw->cpu, to)) return COST_IPI_NEAR;
    return hw->socket_count > NEAR_SOCKETS_MOST ? COST_IPI_FAR : COST_IPI_HOP;
}

enum cost hw_line_cost(const struct hw *hw, const struct cpu *from)
{
    if (!share_socket(hw, hw->cpu, from)) return COST_LINE_FAR;
    bool near = hw->has_caches && hw->cpu->l3_cache == from->l3_cache;
    return near ? COST_LINE_NEAR : COST_LINE_TRANSFER;
}

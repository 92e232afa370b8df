/* Kernel APCs: procedures that a thread runs in between when another one asks for it ("Types of
 * APCs", "Disabling APCs", "Waits and APCs" of the driver documentation).
 *
 * A special kernel APC runs at APC_LEVEL as soon as its thread runs below that and is in no guarded
 * region. A normal one runs at PASSIVE_LEVEL, when besides no normal one is under way and the
 * thread is in no critical region. Special ones go first, each kind in the order in which it was
 * queued. A thread that waits or sleeps is woken for an APC, and waits on afterwards. */
#pragma once

#include "sim/internal.h"

/* The step `queue_apc` (KeInitializeApc and KeInsertQueueApc). */
void step_queue_apc(struct sim *s, const struct step *step, struct step_result *r);

/* Begins the next APC of the running thread that may run. False: there is none. */
bool apc_deliver(struct sim *s);
/* The running thread goes on, unless an APC is due: with the wait or sleep that one took it from,
 * so that it may wait again, or with the end of a step that waited. */
void apc_resume(struct sim *s);
/* The procedure of an APC has ended. */
void apc_return(struct sim *s, struct apc *apc);
/* Of a thread at the end: those that never ran, or never ended. */
void apc_free(struct sim *s, struct sim_thread *t);

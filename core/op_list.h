/* op_list.h - operations in order. */
/* SPDX-License-Identifier: MIT */
/*
 * Linked by their `next`: an operation stands in one list at a time.
 *
 * Locking  None of its own: whoever guards the list guards the links of what is in it.
 */
#ifndef CORE_OP_LIST_H
#define CORE_OP_LIST_H

#include <stdbool.h>

struct iocp_op;

/* Empty when zeroed; `last` counts only while there is a first. */
struct op_list {
    struct iocp_op *first;
    struct iocp_op *last;
};

void op_list_append(struct op_list *list, struct iocp_op *op);

/* The first one leaves; NULL: there is none. */
struct iocp_op *op_list_take(struct op_list *list);

/* Move all of `tail` to the end of `list`. */
void op_list_join(struct op_list *list, struct op_list *tail);

/* Take `op` out of the middle; false: it is not there. */
bool op_list_remove(struct op_list *list, struct iocp_op *op);

#endif

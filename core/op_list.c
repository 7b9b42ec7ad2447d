/* op_list.c - operations in order. */
/* SPDX-License-Identifier: MIT */
#include "op_list.h"

#include <stddef.h>

#include <iocp/op.h>

void op_list_append(struct op_list *list, struct iocp_op *op)
{
    op->next = NULL;
    if (list->first == NULL)
        list->first = op;
    else
        list->last->next = op;
    list->last = op;
}

struct iocp_op *op_list_take(struct op_list *list)
{
    struct iocp_op *op = list->first;

    if (op != NULL)
        list->first = op->next;
    return op;
}

void op_list_join(struct op_list *list, struct op_list *tail)
{
    if (tail->first == NULL)
        return;
    if (list->first == NULL)
        list->first = tail->first;
    else
        list->last->next = tail->first;
    list->last = tail->last;
    tail->first = NULL;
}

bool op_list_remove(struct op_list *list, struct iocp_op *op)
{
    struct iocp_op *before = NULL;

    for (struct iocp_op *at = list->first; at != NULL; before = at, at = at->next) {
        if (at != op)
            continue;
        if (before == NULL)
            list->first = op->next;
        else
            before->next = op->next;
        if (list->last == op)
            list->last = before;
        return true;
    }
    return false;
}

/* one_connection.c - for suites of which each test has one port and one connection. */
/* SPDX-License-Identifier: MIT */
#include "one_connection.h"

struct contract contract;
struct connection connection;

void open_connection(size_t engine)
{
    contract_open(&contract, engine, 0);
    contract_connect(&contract, &connection);
}

void close_connection(void)
{
    contract_disconnect(&connection);
    contract_close(&contract);
}

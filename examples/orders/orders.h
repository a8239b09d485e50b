/* SPDX-License-Identifier: 0BSD */
/* What the files of this service share: orders.c says what it is. */
#ifndef ORDERS_H
#define ORDERS_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <sup/sup.h>

#define ORDERS_NAME_MAX 100	/* bytes of a client's name, and of a REF */
#define ORDERS_LINE_MAX 1024

/* "CLIENT/REF": what the events of an order have in common. */
#define ORDERS_CORRELATION (2 * ORDERS_NAME_MAX + 2)

/* Where clients find us, and we the warehouse. */
extern struct sockaddr_un orders_front, orders_back;

/* How long the store is waited for. */
static inline int64_t orders_soon(void)
{
	return sup_deadline_ms(10000);
}

/* Ships what was ordered when it leads; arg: its name. A thread's function. */
int orders_ship(void *arg);

/*
 * Accepts clients, each of which gets a job. A thread's function, which is
 * ready when it listens.
 */
int orders_open(void *arg);

#endif

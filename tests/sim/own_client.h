/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client whose TCP is the stack under test: it opens with stack_connect(), and speaks and listens
 * as the other clients do. No oracle of its own, but the server's referee watches the other end.
 */
#ifndef SIM_OWN_CLIENT_H
#define SIM_OWN_CLIENT_H

struct client;

/* Of the ends (client.h) it knows CLOSE, SERVER, HALF, RST and RST_LAST. */
void own_client_init(struct client *client);
void own_client_destroy(struct client *client);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The service part of the handshake: who may be which service, and its id (reference: Transport.hs, smpServerHandshake;
 * Server.hs, getClientService). */
#pragma once

#include "actors/net/connection.h"
#include "actors/smp/roles.h"

/* Process lane. `block` is a client hello with a service, its connection paused and referenced for the lane. Answers
 * with the service id, after storing a new service, or with an error that ends the connection; then resumes reading. */
void service_hello_receive(struct store_reader *reader, struct block *block);

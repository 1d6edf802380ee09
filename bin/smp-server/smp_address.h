/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The address of an SMP router, and `smp-server address`. */
#pragma once

#include "bin/common/server_print.h"
#include "bin/smp-server/smp_settings.h"

bool smp_listens_on(const struct smp_settings *settings, uint16_t port);

/* With the password; its texts are those of `settings`. */
struct server_identity smp_identity(const struct smp_settings *settings, const uint8_t fingerprint[FINGERPRINT_SIZE]);

/* Prints the address that clients need to make queues: with the password. Returns the exit code. */
int smp_address(const struct server_files *files);

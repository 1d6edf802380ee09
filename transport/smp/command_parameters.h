/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What follows the tag of each SMP command: the functions that the command table points at. Only for command.c.
 * Readers start at the space after the tag and leave the reader failed when the parameters do not parse; the caller
 * checks for bytes left over. */
#pragma once

#include "transport/smp/command.h"

typedef void smp_read_parameters(uint16_t version, struct reader *reader, struct smp_command *command);
typedef void smp_write_parameters(uint16_t version, struct writer *writer, const struct smp_command *command);

smp_read_parameters smp_read_new;
smp_read_parameters smp_read_sender_key;
smp_read_parameters smp_read_key_list;
smp_read_parameters smp_read_link_set;
smp_read_parameters smp_read_notifier;
smp_read_parameters smp_read_message_id;
smp_read_parameters smp_read_send;
smp_read_parameters smp_read_proxy;
smp_read_parameters smp_read_forward;
smp_read_parameters smp_read_payload;

smp_write_parameters smp_write_new;
smp_write_parameters smp_write_sender_key;
smp_write_parameters smp_write_key_list;
smp_write_parameters smp_write_link_set;
smp_write_parameters smp_write_notifier;
smp_write_parameters smp_write_message_id;
smp_write_parameters smp_write_send;
smp_write_parameters smp_write_proxy;
smp_write_parameters smp_write_forward;
smp_write_parameters smp_write_payload;

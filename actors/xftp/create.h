/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* FNEW and FADD: files and recipients with new ids. Process lane. */
#pragma once

#include "actors/xftp/process_lane.h"

void create_file_of(struct xftp_command_context *context);
void add_recipients_of(struct xftp_command_context *context);

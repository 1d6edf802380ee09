/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Inside a process lane: what its parts call of each other. Its thread only. */
#pragma once

#include "actors/xftp/request.h"
#include "transport/block/transmission.h"

struct xftp_process_lane {
    struct xftp_router *router;
    struct actor *actor;
    struct store_reader *reader;
};

/* hello.c: a hello, or the client's handshake, is answered. */
void process_hello(struct request *request);
void process_client_handshake(struct request *request);
/* command.c: a command is answered, or sent on. */
void process_command(struct xftp_process_lane *lane, struct request *request);

/* A command that was parsed. Slices point into the request's block. */
struct xftp_command_context {
    struct xftp_process_lane *lane;
    struct request *request;
    struct transmission transmission;
    struct xftp_command command;
    struct file_record record; /* of the entity; not of FNEW and PING. Valid while the lane's snapshot is open. */
};

/* verify.c: whether the command is authorized by `key`. `record_key` is the key in DER, as it is stored. */
bool verify_with(struct xftp_command_context *context, const struct public_key *key);
bool verify_with_stored(struct xftp_command_context *context, struct slice record_key);
/* The work of a failing check, for what does not exist. */
void verify_nothing_there(struct xftp_command_context *context);

/* execute.c: does what the command says, once it is authorized: the request is answered or sent on afterwards. */
void execute_command(struct xftp_command_context *context);

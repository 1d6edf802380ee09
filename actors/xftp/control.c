/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Commands of the XFTP router's control port, in the words of the reference. */
#include "actors/xftp/control.h"

#include "actors/router/operator/operator.h"
#include "actors/xftp/order.h"
#include "stores/xftp/chunk_folder.h"
#include "transport/smp/blocking_info.h"
#include "transport/wire/text.h"

enum { INFO_SIZE = 128 };

static void answer(void *context, enum smq_result result) {
    struct control_request *request = context;
    if (result == SMQ_OK)
        text_add(&request->answer, request->is_json ? "{\"ok\":true}\n" : "ok\n");
    else if (result == SMQ_ERR_NOT_FOUND)
        control_error(request, "AUTH");
    else if (result == SMQ_ERR_NO_CREDIT)
        control_error(request, "reached limit of files blocked daily");
    else
        control_error(request, "INTERNAL");
    control_done(request);
}

static void refuse(struct control_request *request, const char *why) {
    control_error(request, "Failed reading: %s", why);
    control_done(request);
}

/* The id that comes next; false: it is none, which is answered. An id that is too long belongs to no file. */
static bool read_id(struct control_request *request, uint8_t id[CHUNK_ID_MAX], struct slice *value) {
    size_t length = 0;
    enum smq_result result = base64url_parse(control_argument(&request->arguments), id, CHUNK_ID_MAX, &length);
    *value = slice_of(id, length);
    if (result == SMQ_OK)
        return true;
    refuse(request, "invalid ID");
    return false;
}

static void control_delete(void *context, struct control_request *request) {
    struct order order = {.router = context, .done = answer, .context = request};
    uint8_t id[CHUNK_ID_MAX];
    if (!read_id(request, id, &order.recipient_id))
        return;
    if (request->arguments.length > 0)
        refuse(request, "endOfInput");
    else
        order_give(&order);
}

static void control_block(void *context, struct control_request *request) {
    struct order order = {.router = context, .is_block = true, .done = answer, .context = request};
    uint8_t id[CHUNK_ID_MAX];
    uint8_t text[INFO_SIZE];
    struct smp_blocking_info info;
    if (!read_id(request, id, &order.recipient_id))
        return;
    struct reader reader = reader_of(request->arguments);
    struct writer writer = writer_of(text, sizeof text);
    smp_blocking_info_read(&reader, &info);
    smp_blocking_info_write(&writer, &info);
    if (reader_finish(&reader) != SMQ_OK || writer_finish(&writer) != SMQ_OK) {
        refuse(request, "invalid reason");
        return;
    }
    order.info = slice_of(text, writer_length(&writer));
    order_give(&order);
}

static const struct control_command commands[] = {
    {.name = "stats-rts", .summary = "memory and processor time of the process", .run = control_runtime},
    {.name = "delete",
     .role = CONTROL_USER,
     .arguments = "ID",
     .summary = "delete a file; ID: of one of its recipients",
     .run = control_delete},
    {.name = "block",
     .role = CONTROL_USER,
     .arguments = "ID reason=spam|content[,notice=JSON]",
     .summary = "block a file, and delete its chunk",
     .run = control_block},
};

struct control_table xftp_control_table(struct xftp_router *router) {
    return (struct control_table){
        .help = "commands: stats-rts, delete, help, quit",
        .commands = commands,
        .command_count = sizeof commands / sizeof commands[0],
        .context = router,
    };
}

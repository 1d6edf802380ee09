/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* File descriptions in links (reference: FileTransfer/Description.hs, FileDescriptionURI; FileTransfer/Client/Main.hs,
 * encodeWebURI). App links carry the YAML with percent escapes, web links its DEFLATE in the fragment, which browsers
 * do not send to the server. Re-entrant: any thread. Links are as secret as the descriptions in them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/wire/address.h"
#include "transport/wire/service_link.h"
#include "transport/xftp/description.h"

enum {
    XFTP_LINK_TEXT_MAX = 3 * XFTP_DESCRIPTION_TEXT_MAX + 4096, /* bytes of a link that are read */
    XFTP_QR_SIZE_LIMIT = 1002, /* characters above which a redirect makes the better QR code */
};

/* ---- app links: simplex:/file#/?desc=…[&data=…] ---- */

struct xftp_app_link {
    struct service_scheme scheme;
    struct slice description; /* YAML */
    bool has_data;
    struct slice data; /* the application's */
};

/* Decodes into `buffer`, for which the text's length suffices as capacity; the slices point there. A link ends at a
 * space or a line end. SMQ_ERR_SYNTAX, SMQ_ERR_TOO_LARGE. */
enum smq_result xftp_app_link_parse(struct slice text, uint8_t *buffer, size_t capacity, struct xftp_app_link *link);
void write_xftp_app_link(struct writer *writer, const struct xftp_app_link *link);

/* ---- web links: https://host/…#fragment ---- */

/* The fragment of any http or https link. SMQ_ERR_NOT_FOUND when it has none, SMQ_ERR_SYNTAX for other texts. */
enum smq_result xftp_web_link_fragment(struct slice text, struct slice *fragment);
/* The YAML in a fragment, in new memory that the caller wipes and frees with xftp_web_yaml_free. What it inflates to is
 * bounded by XFTP_DESCRIPTION_TEXT_MAX: SMQ_ERR_TOO_LARGE beyond. SMQ_ERR_SYNTAX, SMQ_ERR_NO_MEMORY. */
struct xftp_web_yaml {
    size_t length, capacity;
    uint8_t *bytes;
};
enum smq_result xftp_web_fragment_inflate(struct slice fragment, struct xftp_web_yaml *yaml);
void xftp_web_yaml_free(struct xftp_web_yaml *yaml);

/* Bytes that suffice for the fragment of YAML of this length. */
size_t xftp_web_fragment_size(size_t yaml_length);
/* Writes the fragment, without '#'. The writer fails when it has no room, or memory is short. */
void write_xftp_web_fragment(struct writer *writer, struct slice yaml);
/* `https://<host>/#`, what a fragment follows: the first host of the first chunk's first server, without port. The
 * writer fails on a description without chunks. */
void write_xftp_web_link_start(struct writer *writer, const struct xftp_description *description);

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Stands for actors/router/operator/web_qr.c in programs of one file, since Debian has no libqrencode.a: the information
 * page shows the address without its code. */
#include "actors/router/operator/web_qr.h"

enum smq_result web_add_qr(struct text_buffer *text, const char *content) {
    (void)text;
    (void)content;
    return SMQ_ERR_NOT_FOUND;
}

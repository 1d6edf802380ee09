/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* QR codes (libqrencode) as SVG. */
#pragma once

#include "actors/router/operator/text_buffer.h"

/* Adds an element <svg> with the code of `content`, and the quiet zone around it. SMQ_ERR_TOO_LARGE: it has no code;
 * SMQ_ERR_NO_MEMORY; SMQ_ERR_NOT_FOUND: this program has no codes (contrib/static). */
enum smq_result web_add_qr(struct text_buffer *text, const char *content);

/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "actors/router/operator/web_qr.h"

#include <errno.h>

#include <qrencode.h>

enum { QUIET = 4 }; /* modules around the code */

/* One rectangle for each run of dark modules. */
static void add_row(struct text_buffer *text, const QRcode *code, int y) {
    for (int x = 0; x < code->width;) {
        int start = x;
        while (x < code->width && (code->data[y * code->width + x] & 1) != 0)
            x++;
        if (x > start)
            text_add(text, "M%d %dh%dv1h-%dz", start + QUIET, y + QUIET, x - start, x - start);
        else
            x++;
    }
}

enum smq_result web_add_qr(struct text_buffer *text, const char *content) {
    QRcode *code = QRcode_encodeString(content, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
    if (code == NULL)
        return errno == ENOMEM ? SMQ_ERR_NO_MEMORY : SMQ_ERR_TOO_LARGE;
    int edge = code->width + 2 * QUIET;
    text_add(text,
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" shape-rendering=\"crispEdges\">"
             "<path fill=\"#062d56\" d=\"",
             edge, edge);
    for (int y = 0; y < code->width; y++)
        add_row(text, code, y);
    text_add(text, "\"/></svg>");
    QRcode_free(code);
    return text_result(text);
}

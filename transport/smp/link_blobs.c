/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The two encrypted blobs of a short link. */
#include "transport/smp/link_blobs.h"

void smp_link_data_read(struct reader *reader, struct smp_link_data *data) {
    data->fixed_data = read_large(reader);
    data->user_data = read_large(reader);
}

void smp_link_data_write(struct writer *writer, const struct smp_link_data *data) {
    write_large(writer, data->fixed_data);
    write_large(writer, data->user_data);
}

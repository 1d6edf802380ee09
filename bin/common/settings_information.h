/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* [INFORMATION]: what a router says of itself and of who runs it; the same for every router. */
#pragma once

#include "bin/common/ini.h"

/* Texts are NULL where they are not given. */
struct information_settings {
    const char *source_code;
    const char *usage_conditions, *condition_amendments;
    const char *server_country;
    const char *operator_name, *operator_country, *website;
    struct contact_settings {
        const char *simplex, *email, *pgp, *pgp_fingerprint;
    } admin, complaints;
    const char *hosting, *hosting_country, *hosting_type;
};

extern const struct ini_rows information_rows; /* of struct information_settings */
extern const char information_comment[];

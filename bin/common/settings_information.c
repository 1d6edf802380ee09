/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Rows of [INFORMATION]. */
#include "bin/common/settings_information.h"

#include "bin/common/ini_rows.h"
#include "bin/common/settings_checks.h"

#define FIELD(name)  offsetof(struct information_settings, name)
#define COUNTRY_CODE .example = "two letters", CHECKED(settings_country_valid, SETTINGS_COUNTRY)

const char information_comment[] =
    "The AGPLv3 license asks that users of the server can get its source code, with your changes to it.\n"
    "All of this is public. source_code must be there if any other key of this section is.";

static const struct ini_row rows[] = {
    TEXT_ROW("source_code", source_code, "Where the source code of this server is.", .example = "URI",
             CHECKED(settings_uri_valid, SETTINGS_URI)),
    TEXT_ROW("usage_conditions", usage_conditions, "Conditions of use.", .example = "URI"),
    TEXT_ROW("condition_amendments", condition_amendments, "What changes these conditions for this server.",
             .example = "URI"),
    TEXT_ROW("server_country", server_country, "The country that the server is in, by ISO 3166.", COUNTRY_CODE),
    TEXT_ROW("operator", operator_name, "Who runs the server.", .example = "organization or person"),
    TEXT_ROW("operator_country", operator_country, "The operator's country.", COUNTRY_CODE),
    TEXT_ROW("website", website, "The operator's website.", .example = "URI"),
    TEXT_ROW("admin_simplex", admin.simplex, "SimpleX address of the administrator."),
    TEXT_ROW("admin_email", admin.email, "E-mail address of the administrator."),
    TEXT_ROW("admin_pgp", admin.pgp, "Where the administrator's PGP key is."),
    TEXT_ROW("admin_pgp_fingerprint", admin.pgp_fingerprint, "Its fingerprint."),
    TEXT_ROW("complaints_simplex", complaints.simplex, "SimpleX address for complaints and feedback."),
    TEXT_ROW("complaints_email", complaints.email, "E-mail address for complaints and feedback."),
    TEXT_ROW("complaints_pgp", complaints.pgp, "Where the PGP key for these is."),
    TEXT_ROW("complaints_pgp_fingerprint", complaints.pgp_fingerprint, "Its fingerprint."),
    TEXT_ROW("hosting", hosting, "Who hosts the server.", .example = "organization"),
    TEXT_ROW("hosting_country", hosting_country, "The hosting provider's country.", COUNTRY_CODE),
    TEXT_ROW("hosting_type", hosting_type, "virtual, dedicated, colocation or owned.", .example = "virtual",
             CHECKED(settings_hosting_type_valid, SETTINGS_HOSTING_TYPE)),
};

const struct ini_rows information_rows = INI_ROWS(rows);

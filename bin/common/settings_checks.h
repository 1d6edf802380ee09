/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What texts of settings and of the command line must look like; the sentences that say so end "expected ...". */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SETTINGS_LIST_MAX = 16, SETTINGS_LIST_TEXT_MAX = 512, SETTINGS_HOST_TEXT_MAX = 1024 };

bool settings_country_valid(const char *text);
#define SETTINGS_COUNTRY "a two-letter country code of ISO 3166"

bool settings_hosting_type_valid(const char *text);
#define SETTINGS_HOSTING_TYPE "virtual, dedicated, colocation or owned"

/* A password of a router, or of its control port. */
bool settings_password_valid(const char *text);
#define SETTINGS_PASSWORD "printable characters without spaces, '@', ':' and '/', 255 at most"

/* http:// or https:// and something behind it, without blanks. */
bool settings_uri_valid(const char *text);
#define SETTINGS_URI "an address that begins with http:// or https://"

/* One host: an IP address, a name of letters, digits, '-', '_' and '.', or an onion name. */
bool settings_host_valid(const char *text);
#define SETTINGS_HOST "an IP address or a host name"
bool settings_ip_valid(const char *text);
#define SETTINGS_IP "an IP address"
/* Hosts of an address, separated by commas, as many as an address may have; or "<hostnames>", which says that they are
 * not known yet. */
bool settings_hosts_valid(const char *text);
bool settings_known_hosts_valid(const char *text); /* the same, but known */
#define SETTINGS_HOSTS "host names or IP addresses, separated by commas"
/* The same as they stand in an address: without blanks, IPv6 in brackets. `text` has SETTINGS_HOST_TEXT_MAX bytes. */
bool settings_hosts_text(const char *hosts, char *text);

/* Names of domains, separated by commas or blanks. */
bool settings_domains_valid(const char *text);
#define SETTINGS_DOMAINS "names of domains, separated by commas or blanks"

/* Decimals up to 65,535, separated by commas and blanks; what is there twice counts once. */
bool settings_parse_ports(const char *text, uint16_t ports[SETTINGS_LIST_MAX], size_t *count);
bool settings_ports_valid(const char *text);
#define SETTINGS_PORTS "up to 16 ports from 0 to 65535, separated by commas"

/* IP addresses or names, separated by commas or blanks; what is there twice counts once. "all": none. `copy` holds
 * them, zero-terminated. */
bool settings_parse_addresses(const char *text, char copy[SETTINGS_LIST_TEXT_MAX],
                              const char *addresses[SETTINGS_LIST_MAX], size_t *count);
bool settings_addresses_valid(const char *text);
#define SETTINGS_ADDRESSES "all, or up to 16 addresses separated by commas"

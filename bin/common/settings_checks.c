/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Checks of texts, by the parsers that read them later. */
#include "bin/common/settings_checks.h"

#include <string.h>

#include "bin/common/settings_socks.h"
#include "queues/base/cursor.h"
#include "transport/wire/address.h"
#include "transport/wire/host.h"
#include "transport/wire/text.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
static const char name_characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
static const char separators[] = ", ";

bool settings_country_valid(const char *text) {
    return strlen(text) == 2 && strspn(text, letters) == 2;
}

bool settings_hosting_type_valid(const char *text) {
    static const char *const types[] = {"virtual", "dedicated", "colocation", "owned"};
    for (size_t index = 0; index < sizeof types / sizeof types[0]; index++)
        if (strcmp(text, types[index]) == 0)
            return true;
    return false;
}

bool settings_password_valid(const char *text) {
    return password_valid(slice_of_text(text));
}

bool settings_uri_valid(const char *text) {
    size_t scheme = strncmp(text, "https://", 8) == 0 ? 8 : strncmp(text, "http://", 7) == 0 ? 7 : 0;
    return scheme > 0 && text[scheme] != '\0' && strpbrk(text, " \t\"<>") == NULL;
}

/* ---- hosts */

static bool host_valid(struct slice text, struct host *host) {
    if (host_parse(text, host) != SMQ_OK)
        return false;
    if (host->kind != HOST_NAME)
        return true;
    /* A name that ends like an address is one that was mistyped: no resolver takes it for a name. */
    const char *last = strrchr(host->text, '.');
    last = last == NULL ? host->text : last + 1;
    return strspn(host->text, name_characters) == host->length && strspn(last, "0123456789") != strlen(last) &&
           host->text[0] != '.' && host->text[0] != '-' && strstr(host->text, "..") == NULL;
}

bool settings_host_valid(const char *text) {
    struct host host;
    return host_valid(slice_of_text(text), &host);
}

bool settings_ip_valid(const char *text) {
    struct host host;
    return host_parse(slice_of_text(text), &host) == SMQ_OK && (host.kind == HOST_IPV4 || host.kind == HOST_IPV6);
}

/* The next word between separators; its end is `*text` afterwards. */
static struct slice next_word(const char **text) {
    const char *begin = *text + strspn(*text, separators);
    *text = begin + strcspn(begin, separators);
    return slice_of(begin, (size_t)(*text - begin));
}

/* Between commas, without the blanks around. */
static struct slice next_host(const char **text) {
    const char *begin = *text + strspn(*text, " ");
    size_t length = strcspn(begin, ",");
    *text = begin + length;
    while (length > 0 && begin[length - 1] == ' ')
        length--;
    return slice_of(begin, length);
}

static bool parse_hosts(const char *text, struct server_address *address) {
    memset(address, 0, sizeof *address);
    for (;; text++) {
        struct host host;
        if (!host_valid(next_host(&text), &host) || server_address_add_host(address, &host) != SMQ_OK)
            return false;
        if (*text == '\0')
            return true;
    }
}

static const char unknown_hosts[] = "<hostnames>";

bool settings_known_hosts_valid(const char *text) {
    struct server_address address;
    return parse_hosts(text, &address);
}

bool settings_hosts_valid(const char *text) {
    return strcmp(text, unknown_hosts) == 0 || settings_known_hosts_valid(text);
}

bool settings_hosts_text(const char *hosts, char *text) {
    struct server_address address;
    struct writer writer = writer_of(text, SETTINGS_HOST_TEXT_MAX - 1);
    if (strcmp(hosts, unknown_hosts) == 0)
        write_text(&writer, unknown_hosts);
    else if (parse_hosts(hosts, &address))
        write_hosts_text(&writer, &address, 0, true);
    else
        return false;
    if (writer.failed)
        return false;
    text[writer_length(&writer)] = '\0';
    return true;
}

bool settings_domains_valid(const char *text) {
    for (struct slice word = next_word(&text); word.length > 0; word = next_word(&text))
        for (size_t i = 0; i < word.length; i++)
            if (strchr(name_characters, word.bytes[i]) == NULL)
                return false;
    return true;
}

/* ---- lists */

static bool has_port(const uint16_t *ports, size_t count, uint64_t port) {
    for (size_t i = 0; i < count; i++)
        if (port != 0 && ports[i] == port) /* the kernel chooses each 0 anew */
            return true;
    return false;
}

bool settings_parse_ports(const char *text, uint16_t ports[SETTINGS_LIST_MAX], size_t *count) {
    struct reader reader = reader_of(slice_of_text(text));
    size_t found = 0;
    for (;;) {
        while (read_if(&reader, " "))
            continue;
        uint64_t port = read_decimal(&reader, UINT16_MAX);
        while (read_if(&reader, " "))
            continue;
        if (reader.failed)
            return false;
        if (!has_port(ports, found, port)) {
            if (found == SETTINGS_LIST_MAX)
                return false;
            ports[found++] = (uint16_t)port;
        }
        if (reader_left(&reader) == 0)
            break;
        read_literal(&reader, ",");
    }
    *count = found;
    return true;
}

bool settings_ports_valid(const char *text) {
    uint16_t ports[SETTINGS_LIST_MAX];
    size_t count = 0;
    return settings_parse_ports(text, ports, &count);
}

static bool has_address(const char *const *addresses, size_t count, const char *address) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(addresses[i], address) == 0)
            return true;
    return false;
}

/* An address of the link may name its interface: fe80::1%eth0. */
static bool bind_address_valid(const char *text) {
    char address[SETTINGS_LIST_TEXT_MAX];
    size_t length = strcspn(text, "%");
    if (text[length] == '\0')
        return settings_host_valid(text);
    memcpy(address, text, length);
    address[length] = '\0';
    return settings_ip_valid(address) && text[length + 1] != '\0';
}

bool settings_parse_addresses(const char *text, char copy[SETTINGS_LIST_TEXT_MAX],
                              const char *addresses[SETTINGS_LIST_MAX], size_t *count) {
    size_t length = strlen(text);
    *count = 0;
    if (length >= SETTINGS_LIST_TEXT_MAX)
        return false;
    memcpy(copy, text, length + 1);
    if (strcmp(text, "all") == 0)
        return true;
    char *rest = copy;
    for (char *word = strsep(&rest, separators); word != NULL; word = strsep(&rest, separators)) {
        size_t word_length = strlen(word);
        if (word[0] == '\0')
            continue;
        if (!bind_address_valid(word))
            return false;
        if (word[0] == '[') { /* the kernel takes IPv6 addresses without */
            word[word_length - 1] = '\0';
            word++;
        }
        if (has_address(addresses, *count, word))
            continue;
        if (*count == SETTINGS_LIST_MAX)
            return false;
        addresses[(*count)++] = word;
    }
    return *count > 0;
}

bool settings_addresses_valid(const char *text) {
    char copy[SETTINGS_LIST_TEXT_MAX];
    const char *addresses[SETTINGS_LIST_MAX];
    size_t count = 0;
    return settings_parse_addresses(text, copy, addresses, &count);
}

bool settings_socks_valid(const char *text) {
    struct settings_socks socks;
    return settings_socks_split(text, &socks);
}

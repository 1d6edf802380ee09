/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smp-server as an operator meets it: init, cert, delete, start, stop, and every bad configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/support/process.h"

enum { DEADLINE_MS = 20000, STOP_MS = 3000, TEXT_SIZE = 16384 };

/* A router's two folders, and the program that ran last. */
struct fixture {
    char root[64];
    char configuration[80];
    char data[80];
    struct process *server;
};

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (fixture == NULL)
        return -1;
    temporary_folder_create(fixture->root);
    (void)snprintf(fixture->configuration, sizeof fixture->configuration, "%s/etc", fixture->root);
    (void)snprintf(fixture->data, sizeof fixture->data, "%s/var", fixture->root);
    (void)setenv("SMP_SERVER_CFG_PATH", fixture->configuration, 1);
    (void)setenv("SMP_SERVER_LOG_PATH", fixture->data, 1);
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    process_destroy(&fixture->server);
    temporary_folder_remove(fixture->root);
    free(fixture);
    return 0;
}

static void start(struct fixture *fixture, const char *input, const char *line) {
    static char copy[TEXT_SIZE];
    const char *argv[32] = {BUILD_DIR "/bin/smp-server"};
    size_t count = 1;
    (void)snprintf(copy, sizeof copy, "%s", line);
    char *rest = copy;
    for (char *word = strsep(&rest, " "); word != NULL && count < 31; word = strsep(&rest, " "))
        argv[count++] = word;
    process_destroy(&fixture->server);
    fixture->server = process_start(argv, input);
}

static int run(struct fixture *fixture, const char *input, const char *line) {
    start(fixture, input, line);
    return process_wait(fixture->server, DEADLINE_MS);
}

static const char *path_of(const struct fixture *fixture, const char *name) {
    static char path[160];
    (void)snprintf(path, sizeof path, "%s/%s", fixture->root, name);
    return path;
}

static bool exists(const struct fixture *fixture, const char *name) {
    return access(path_of(fixture, name), F_OK) == 0;
}

static char *read_text(const struct fixture *fixture, const char *name, char text[TEXT_SIZE]) {
    FILE *file = fopen(path_of(fixture, name), "rb");
    assert_non_null(file);
    size_t length = fread(text, 1, TEXT_SIZE - 1, file);
    text[length] = '\0';
    (void)fclose(file);
    return text;
}

static void write_text(const struct fixture *fixture, const char *name, const char *text) {
    FILE *file = fopen(path_of(fixture, name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static X509 *read_certificate(const struct fixture *fixture, const char *name) {
    FILE *file = fopen(path_of(fixture, name), "rb");
    assert_non_null(file);
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    assert_non_null(certificate);
    (void)fclose(file);
    return certificate;
}

static void assert_certificate(const struct fixture *fixture, int key_type, const char *common_name) {
    char name[256];
    X509 *server = read_certificate(fixture, "etc/server.crt");
    X509 *ca = read_certificate(fixture, "etc/ca.crt");
    assert_int_equal(EVP_PKEY_get_base_id(X509_get0_pubkey(server)), key_type);
    assert_true(X509_NAME_get_text_by_NID(X509_get_subject_name(server), NID_commonName, name, sizeof name) > 0);
    assert_string_equal(name, common_name);
    assert_int_equal(X509_verify(server, X509_get0_pubkey(ca)), 1);
    X509_free(server);
    X509_free(ca);
}

/* The rest of the line of `text` that starts with `label`. */
static char *line_after(const char *text, const char *label, char value[512]) {
    const char *found = strstr(text, label);
    assert_non_null(found);
    found += strlen(label);
    size_t length = strcspn(found, "\n");
    assert_true(length < 512);
    memcpy(value, found, length);
    value[length] = '\0';
    return value;
}

static void initialize(struct fixture *fixture) {
    assert_int_equal(run(fixture, NULL, "init -y --no-password -n localhost"), 0);
}

/* An INI file with what a test needs beside a free loopback port. */
static uint16_t configure(const struct fixture *fixture, const char *more) {
    char text[TEXT_SIZE];
    uint16_t port = free_port();
    (void)snprintf(text, sizeof text,
                   "[TRANSPORT]\nhost = localhost\nport = %u\nbind = 127.0.0.1\n[STORE_LOG]\nmap_size = 64M\n%s",
                   (unsigned)port, more);
    write_text(fixture, "etc/smp-server.ini", text);
    return port;
}

static void assert_one_line(const char *text) {
    assert_true(strlen(text) > 0);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void test_version_and_help_need_no_configuration(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(run(fixture, NULL, "--version"), 0);
    assert_string_equal(process_output(fixture->server), "SMP server v" SMQ_VERSION "\n");
    assert_int_equal(run(fixture, NULL, "--help"), 0);
    assert_non_null(strstr(process_output(fixture->server), "SMP_SERVER_CFG_PATH"));
    assert_int_equal(run(fixture, NULL, "init --help"), 0);
    assert_non_null(strstr(process_output(fixture->server), "--sign-algorithm ALG"));
}

static void test_init_prints_fingerprint_and_address(void **state) {
    struct fixture *fixture = *state;
    char fingerprint[512];
    char address[512];
    char expected[1024];
    char text[TEXT_SIZE];
    assert_int_equal(run(fixture, NULL, "init -y -n smp.example.org --password pass1"), 0);
    const char *output = process_output(fixture->server);
    line_after(output, "\nFingerprint: ", fingerprint);
    assert_int_equal(strlen(fingerprint), 44);
    (void)snprintf(expected, sizeof expected, "smp://%s:pass1@smp.example.org", fingerprint);
    assert_string_equal(line_after(output, "\nServer address: ", address), expected);
    (void)snprintf(expected, sizeof expected, "%s\n", fingerprint);
    assert_string_equal(read_text(fixture, "etc/fingerprint", text), expected);
    assert_non_null(strstr(read_text(fixture, "etc/smp-server.ini", text), "\ncreate_password = pass1\n"));
    assert_non_null(strstr(text, "\nhost = smp.example.org\n"));
    assert_certificate(fixture, EVP_PKEY_ED25519, "smp.example.org");
    assert_string_equal(process_errors(fixture->server), "");
}

static void test_init_keeps_secrets_to_their_owner(void **state) {
    struct fixture *fixture = *state;
    static const char *const names[] = {"etc/ca.key", "etc/server.key", "etc/smp-server.ini"};
    initialize(fixture);
    for (size_t index = 0; index < sizeof names / sizeof names[0]; index++) {
        struct stat status;
        assert_int_equal(stat(path_of(fixture, names[index]), &status), 0);
        assert_int_equal(status.st_mode & 0777, 0600);
    }
}

static void test_init_makes_a_random_password_unless_told(void **state) {
    struct fixture *fixture = *state;
    char address[512];
    char line[600];
    char text[TEXT_SIZE];
    assert_int_equal(run(fixture, NULL, "init -y -n h"), 0);
    line_after(process_output(fixture->server), "\nServer address: ", address);
    const char *password = strchr(address + strlen("smp://"), ':');
    assert_non_null(password);
    (void)snprintf(line, sizeof line, "\ncreate_password = %.44s\n", password + 1);
    assert_non_null(strstr(read_text(fixture, "etc/smp-server.ini", text), line));
    assert_string_equal(password + 1 + 44, "@h");
}

static void test_init_with_ed448(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(run(fixture, NULL, "init -y -a ED448 --ip 192.0.2.7 --no-password"), 0);
    assert_certificate(fixture, EVP_PKEY_ED448, "192.0.2.7");
    char address[512];
    line_after(process_output(fixture->server), "\nServer address: ", address);
    assert_non_null(strstr(address, "=@192.0.2.7"));
}

static void test_init_asks_when_not_scripted(void **state) {
    struct fixture *fixture = *state;
    char text[TEXT_SIZE];
    const char *answers = "\nmaybe\ny\n\na b\nsecret\nasked.example.org\nftp://x\nhttps://example.org/src\n\n";
    assert_int_equal(run(fixture, answers, "init"), 0);
    assert_non_null(strstr(process_output(fixture->server), "Invalid input, please enter 'y' or 'n'"));
    assert_non_null(strstr(process_output(fixture->server), "Invalid password."));
    assert_non_null(strstr(process_output(fixture->server), "Invalid source code."));
    assert_non_null(strstr(process_output(fixture->server), ":secret@asked.example.org\n"));
    assert_non_null(strstr(process_output(fixture->server), "Server source code: https://example.org/src\n"));
    assert_non_null(
        strstr(read_text(fixture, "etc/smp-server.ini", text), "\nsource_code = https://example.org/src\n"));
    assert_certificate(fixture, EVP_PKEY_ED25519, "asked.example.org");
}

static void test_init_without_answers_makes_nothing(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(run(fixture, NULL, "init"), 1);
    assert_false(exists(fixture, "etc"));
    assert_false(exists(fixture, "var"));
}

static void test_init_refuses_to_replace_a_server(void **state) {
    struct fixture *fixture = *state;
    char before[TEXT_SIZE];
    char after[TEXT_SIZE];
    initialize(fixture);
    read_text(fixture, "etc/ca.crt", before);
    assert_int_equal(run(fixture, NULL, "init -y"), 1);
    assert_non_null(strstr(process_errors(fixture->server), "already initialized"));
    assert_int_equal(unlink(path_of(fixture, "etc/smp-server.ini")), 0);
    assert_int_equal(run(fixture, NULL, "init -y"), 1);
    assert_non_null(strstr(process_errors(fixture->server), "is in the way"));
    assert_string_equal(read_text(fixture, "etc/ca.crt", after), before);
}

static void test_init_refuses_information_without_source_code(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(run(fixture, NULL, "init -y --operator Somebody"), 1);
    assert_non_null(strstr(process_errors(fixture->server), "requires passing --source-code"));
    assert_int_equal(run(fixture, NULL, "init -y --source-code --operator-country FR"), 1);
    assert_non_null(strstr(process_errors(fixture->server), "requires passing --operator"));
    assert_int_equal(run(fixture, NULL, "init -y --source-code=https://e.org --operator S --operator-country FRA"), 1);
    assert_false(exists(fixture, "etc"));
}

static void test_cert_renews_the_online_certificate_only(void **state) {
    struct fixture *fixture = *state;
    char ca[TEXT_SIZE];
    char server[TEXT_SIZE];
    char text[TEXT_SIZE];
    initialize(fixture);
    read_text(fixture, "etc/ca.crt", ca);
    read_text(fixture, "etc/server.crt", server);
    assert_int_equal(run(fixture, NULL, "cert"), 0);
    assert_non_null(strstr(process_output(fixture->server), "Generated new server credentials\n"));
    assert_string_not_equal(read_text(fixture, "etc/server.crt", text), server);
    assert_string_equal(read_text(fixture, "etc/ca.crt", text), ca);
    assert_certificate(fixture, EVP_PKEY_ED25519, "localhost");
    assert_int_equal(run(fixture, NULL, "cert -a ED448 --cn other.example.org"), 0);
    assert_certificate(fixture, EVP_PKEY_ED448, "other.example.org");
    assert_int_equal(run(fixture, NULL, "cert"), 0);
    assert_certificate(fixture, EVP_PKEY_ED448, "other.example.org");
}

static void test_cert_without_ca_key_says_so(void **state) {
    struct fixture *fixture = *state;
    initialize(fixture);
    assert_int_equal(unlink(path_of(fixture, "etc/ca.key")), 0);
    assert_int_equal(run(fixture, NULL, "cert"), 1);
    assert_one_line(process_errors(fixture->server));
    assert_non_null(strstr(process_errors(fixture->server), "ca.key"));
}

static void test_delete_asks_and_spares_foreign_files(void **state) {
    struct fixture *fixture = *state;
    initialize(fixture);
    write_text(fixture, "etc/notes.txt", "mine\n");
    assert_int_equal(run(fixture, "y\n", "delete"), 1);
    assert_non_null(strstr(process_output(fixture->server), "Server NOT deleted\n"));
    assert_true(exists(fixture, "etc/ca.key"));
    assert_int_equal(run(fixture, "Y\n", "delete"), 0);
    assert_non_null(strstr(process_output(fixture->server), "Deleted configuration and log files\n"));
    assert_false(exists(fixture, "etc/ca.key"));
    assert_false(exists(fixture, "etc/smp-server.ini"));
    assert_true(exists(fixture, "etc/notes.txt"));
    assert_false(exists(fixture, "var"));
}

static void serve_and_stop(struct fixture *fixture, int stop_signal) {
    char address[512];
    char expected[64];
    uint16_t port = configure(fixture, "");
    start(fixture, NULL, "start");
    (void)snprintf(expected, sizeof expected, "Serving SMP protocol on port %u (TLS)...\n", (unsigned)port);
    assert_true(process_wait_output(fixture->server, expected, DEADLINE_MS));
    line_after(process_output(fixture->server), "\nServer address: ", address);
    (void)snprintf(expected, sizeof expected, "@localhost:%u", (unsigned)port);
    assert_non_null(strstr(address, expected));
    struct sockaddr_in peer = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(descriptor, (struct sockaddr *)&peer, sizeof peer), 0);
    process_signal(fixture->server, stop_signal);
    assert_int_equal(process_wait(fixture->server, STOP_MS), 0);
    (void)close(descriptor);
}

static void test_start_serves_until_a_signal_and_again(void **state) {
    struct fixture *fixture = *state;
    initialize(fixture);
    serve_and_stop(fixture, SIGTERM);
    serve_and_stop(fixture, SIGINT);
}

static void test_start_prints_what_scripts_read(void **state) {
    struct fixture *fixture = *state;
    char address[512];
    char first[512];
    char again[512];
    assert_int_equal(run(fixture, NULL, "init -y -n localhost --password pw"), 0);
    line_after(process_output(fixture->server), "\nFingerprint: ", first);
    (void)configure(fixture, "[AUTH]\ncreate_password = pw\n[INFORMATION]\nsource_code = https://e.org\n"
                             "[INACTIVE_CLIENTS]\ndisconnect = on\n");
    start(fixture, NULL, "start");
    assert_true(process_wait_output(fixture->server, "Serving SMP protocol", DEADLINE_MS));
    const char *output = process_output(fixture->server);
    assert_string_equal(line_after(output, "\nFingerprint: ", again), first);
    assert_non_null(strstr(line_after(output, "\nServer address: ", address), "=@localhost:"));
    assert_null(strstr(output, "pw")); /* the password is not for logs */
    assert_non_null(strstr(output, "Server source code: https://e.org\n"));
    assert_non_null(strstr(output, "expiring messages after 21 days\n"));
    assert_non_null(strstr(output, "expiring clients inactive for 21600 seconds every 3600 seconds\n"));
    assert_non_null(strstr(output, "creating new queues requires password\n"));
}

static void test_maintenance_opens_the_store_and_exits(void **state) {
    struct fixture *fixture = *state;
    initialize(fixture);
    (void)configure(fixture, "");
    assert_int_equal(run(fixture, NULL, "start -m"), 0);
    assert_true(exists(fixture, "var/store"));
}

/* Expects exit code 1 and one line on stderr with `text`. */
static void assert_refused(struct fixture *fixture, const char *text) {
    assert_int_equal(run(fixture, NULL, "start"), 1);
    assert_one_line(process_errors(fixture->server));
    if (strstr(process_errors(fixture->server), text) == NULL)
        fail_msg("no `%s` in: %s", text, process_errors(fixture->server));
}

static void test_start_without_init_is_refused(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(run(fixture, NULL, "start"), 1);
    assert_non_null(strstr(process_errors(fixture->server), "server is not initialized"));
    assert_int_equal(run(fixture, NULL, "cert"), 1);
    assert_non_null(strstr(process_errors(fixture->server), "server is not initialized"));
}

static void test_start_with_bad_ini_is_refused(void **state) {
    struct fixture *fixture = *state;
    initialize(fixture);
    (void)configure(fixture, "queue_quota = many\n");
    assert_refused(fixture, "smp-server.ini:7: [STORE_LOG] queue_quota = many: expected a number from 1 to 1000000");
    (void)configure(fixture, "not a line\n");
    assert_refused(fixture, "smp-server.ini:7: expected [section], key = value or # comment");
    assert_int_equal(unlink(path_of(fixture, "etc/smp-server.ini")), 0);
    assert_int_equal(mkdir(path_of(fixture, "etc/smp-server.ini"), 0700), 0);
    assert_refused(fixture, "smp-server.ini: Is a directory");
}

static void test_start_warns_of_unknown_keys(void **state) {
    struct fixture *fixture = *state;
    initialize(fixture);
    (void)configure(fixture, "queue_qouta = 5\n");
    start(fixture, NULL, "start");
    assert_true(process_wait_output(fixture->server, "Serving SMP protocol", DEADLINE_MS));
    assert_non_null(strstr(process_errors(fixture->server),
                           "smp-server.ini:7: warning: [STORE_LOG] queue_qouta: unknown key, ignored\n"));
}

static void test_start_with_missing_certificates_is_refused(void **state) {
    struct fixture *fixture = *state;
    static const char *const names[] = {"etc/server.key", "etc/server.crt", "etc/fingerprint", "etc/ca.crt"};
    initialize(fixture);
    (void)configure(fixture, "");
    for (size_t index = 0; index < sizeof names / sizeof names[0]; index++) {
        assert_int_equal(unlink(path_of(fixture, names[index])), 0);
        assert_refused(fixture, names[index] + strlen("etc/"));
    }
}

static void test_start_with_foreign_certificates_is_refused(void **state) {
    struct fixture *fixture = *state;
    char foreign_ca[TEXT_SIZE];
    char foreign_server[TEXT_SIZE];
    initialize(fixture);
    read_text(fixture, "etc/ca.crt", foreign_ca);
    read_text(fixture, "etc/server.crt", foreign_server);
    assert_int_equal(run(fixture, "Y\n", "delete"), 0);
    initialize(fixture);
    (void)configure(fixture, "");
    char own_server[TEXT_SIZE];
    read_text(fixture, "etc/server.crt", own_server);
    write_text(fixture, "etc/server.crt", foreign_server);
    assert_refused(fixture, "server.");
    write_text(fixture, "etc/server.crt", own_server);
    write_text(fixture, "etc/ca.crt", foreign_ca);
    assert_refused(fixture, "Stored fingerprint is invalid.");
}

static void test_start_on_an_address_in_use_is_refused(void **state) {
    struct fixture *fixture = *state;
    initialize(fixture);
    uint16_t port = configure(fixture, "");
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(descriptor, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(descriptor, 1), 0);
    assert_refused(fixture, "Address already in use");
    (void)close(descriptor);
}

static void test_second_router_on_one_store_is_refused(void **state) {
    struct fixture *fixture = *state;
    initialize(fixture);
    (void)configure(fixture, "");
    start(fixture, NULL, "start");
    assert_true(process_wait_output(fixture->server, "Serving SMP protocol", DEADLINE_MS));
    struct process *first = fixture->server;
    fixture->server = NULL;
    (void)configure(fixture, "");
    int status = run(fixture, NULL, "start");
    process_destroy(&first);
    assert_int_equal(status, 1);
    assert_one_line(process_errors(fixture->server));
    assert_non_null(strstr(process_errors(fixture->server), "is in use by another process"));
    assert_null(strstr(process_errors(fixture->server), "exists"));
    assert_string_equal(process_output(fixture->server), ""); /* a mistake comes before any banner */
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_version_and_help_need_no_configuration),
        CASE(test_init_prints_fingerprint_and_address),
        CASE(test_init_keeps_secrets_to_their_owner),
        CASE(test_init_makes_a_random_password_unless_told),
        CASE(test_init_with_ed448),
        CASE(test_init_asks_when_not_scripted),
        CASE(test_init_without_answers_makes_nothing),
        CASE(test_init_refuses_to_replace_a_server),
        CASE(test_init_refuses_information_without_source_code),
        CASE(test_cert_renews_the_online_certificate_only),
        CASE(test_cert_without_ca_key_says_so),
        CASE(test_delete_asks_and_spares_foreign_files),
        CASE(test_start_serves_until_a_signal_and_again),
        CASE(test_start_prints_what_scripts_read),
        CASE(test_maintenance_opens_the_store_and_exits),
        CASE(test_start_without_init_is_refused),
        CASE(test_start_with_bad_ini_is_refused),
        CASE(test_start_warns_of_unknown_keys),
        CASE(test_start_with_missing_certificates_is_refused),
        CASE(test_start_with_foreign_certificates_is_refused),
        CASE(test_start_on_an_address_in_use_is_refused),
        CASE(test_second_router_on_one_store_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

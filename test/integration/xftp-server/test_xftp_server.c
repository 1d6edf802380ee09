/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* xftp-server as an operator has it: what it prints, its settings, its stop, its statistics and its control port. */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "queues/base/clock.h"
#include "test/support/require.h"
#include "test/support/xftp_process.h"
#include "transport/wire/text.h"

static struct xftp_process server;
static struct xftp_peer peer;

static int set_up(void **state) {
    (void)state;
    xftp_process_init(&server, "storage_quota: 1gb\n");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    xftp_peer_close(&peer);
    xftp_process_finish(&server);
    return 0;
}

#define SERVER_TEST(function)     cmocka_unit_test_setup_teardown(function, set_up, tear_down)
#define EXPECT_ERROR(call, error) assert_int_equal((call).code, XFTP_ERROR_##error)

/* A whole file as text, in a buffer that the next call uses again; empty when there is none. */
static const char *text_of_file(const char *folder, const char *name) {
    static char text[65536];
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    size_t length = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;
    text[length] = '\0';
    if (file != NULL)
        fclose(file);
    return text;
}

/* Waits until the file has the text. */
static void await_text(const char *folder, const char *name, const char *expected) {
    uint64_t until_ms = clock_monotonic_ms() + XFTP_DEADLINE_MS;
    while (strstr(text_of_file(folder, name), expected) == NULL) {
        assert_true(clock_monotonic_ms() < until_ms);
        (void)usleep(20000);
    }
}

static void expect_in_order(const char *text, const char *const *parts) {
    for (; *parts != NULL; parts++) {
        const char *found = strstr(text, *parts);
        if (found == NULL)
            fail_msg("'%s' is not, or not there, in: %s", *parts, text);
        else
            text = found + strlen(*parts);
    }
}

static struct xftp_peer_file uploaded(uint8_t seed) {
    struct xftp_peer_file file;
    EXPECT_ERROR(xftp_peer_create(&peer, 65536, seed, NULL, &file), NONE);
    EXPECT_ERROR(xftp_peer_put(&peer, &file), NONE);
    return file;
}

/* ---- start and stop ---- */

static void test_it_prints_the_lines_of_the_reference(void **state) {
    (void)state;
    static const char *const lines[] = {"SimpleX XFTP server v",
                                        "\nFingerprint: ",
                                        "\nServer address: xftp://",
                                        "@localhost:",
                                        "\nWarning: server source code is not specified.",
                                        "\nStore log: ",
                                        "\nexpiring files after 2 days\n",
                                        "not expiring inactive clients\n",
                                        "Uploading new files allowed.\n",
                                        "Listening on port ",
                                        "...\n",
                                        NULL};
    xftp_process_start(&server);
    expect_in_order(process_output(server.process), lines);
}

static void test_both_signals_stop_it_in_order(void **state) {
    (void)state;
    static const int signals[] = {SIGTERM, SIGINT};
    for (unsigned i = 0; i < 2; i++) {
        xftp_process_start(&server);
        xftp_process_connect(&server, &peer);
        struct xftp_peer_file file = uploaded((uint8_t)i);
        assert_int_equal(xftp_process_stop(&server, signals[i]), 0);
        xftp_peer_close(&peer);
        xftp_process_start(&server);
        xftp_process_connect(&server, &peer);
        EXPECT_ERROR(xftp_peer_get(&peer, &file, 0), NONE);
        xftp_peer_close(&peer);
        assert_int_equal(xftp_process_stop(&server, SIGTERM), 0);
    }
}

/* What init of the reference wrote, but for the port, which this user may not bind, and the folders. */
static void test_the_files_of_the_reference_are_understood(void **state) {
    (void)state;
    static const char *const vectors[] = {"test/vectors/files/xftp/init-n.ini",
                                          "test/vectors/files/xftp/init-default.ini"};
    for (unsigned i = 0; i < 2; i++) {
        char ini[16384];
        FILE *file = fopen(vectors[i], "r");
        assert_non_null(file);
        size_t length = 0;
        char line[1024];
        while (fgets(line, sizeof line, file) != NULL) {
            if (strncmp(line, "port = ", 7) == 0)
                (void)snprintf(line, sizeof line, "port = %u\n", server.port);
            if (strncmp(line, "path = ", 7) == 0)
                (void)snprintf(line, sizeof line, "path = %s\n", server.files);
            length += (size_t)snprintf(ini + length, sizeof ini - length, "%s", line);
        }
        fclose(file);
        xftp_process_write_ini(&server, ini);
        xftp_process_start(&server);
        assert_string_equal(process_errors(server.process), "");
        assert_int_equal(xftp_process_stop(&server, SIGTERM), 0);
    }
}

static void expect_refusal(const char *ini, const char *reason) {
    const char *const argv[] = {BUILD_DIR "/bin/xftp-server", "start", NULL};
    xftp_process_write_ini(&server, ini);
    struct process *process = process_start(argv, NULL);
    assert_int_equal(process_wait(process, XFTP_DEADLINE_MS), 1);
    assert_non_null(strstr(process_errors(process), reason));
    process_destroy(&process);
}

static void test_mistakes_in_settings_are_told(void **state) {
    (void)state;
    expect_refusal("[FILES]\n", "[FILES] path is missing");
    expect_refusal("[FILES]\npath = /x\nchunk_sizes = 64kb,,1mb\n", "chunk_sizes");
    expect_refusal("[FILES]\npath = /x\n[AUTH]\ncreate_pasword = x\n", "create_pasword");
    expect_refusal("[FILES]\npath = /x\n[WEB]\ncert = /x\n", "[WEB] cert and key");
    expect_refusal("[FILES]\npath = /nonexistent/folder/files\n[TRANSPORT]\nport = 0\n", "/nonexistent/folder/files");
}

static void test_settings_reach_the_router(void **state) {
    (void)state;
    char ini[512];
    struct xftp_peer_file file;
    (void)snprintf(ini, sizeof ini,
                   "[TRANSPORT]\nport = %u\nhost = localhost\n[AUTH]\ncreate_password = secret\n"
                   "[FILES]\npath = %s\nchunk_sizes = 128kb, 64kb\nstorage_quota = 128kb\n"
                   "[STORE_LOG]\nexpire_files_hours = 3\n[INACTIVE_CLIENTS]\ndisconnect = on\nttl = 100\n",
                   server.port, server.files);
    xftp_process_write_ini(&server, ini);
    xftp_process_start(&server);
    static const char *const lines[] = {"expiring files after 3 hours\n", "expiring clients inactive for 100 seconds",
                                        "Uploading new files requires password.\n", NULL};
    expect_in_order(process_output(server.process), lines);
    xftp_process_connect(&server, &peer);
    EXPECT_ERROR(xftp_peer_create(&peer, 65536, 1, NULL, &file), AUTH);
    EXPECT_ERROR(xftp_peer_create(&peer, 262144, 1, "secret", &file), SIZE);
    EXPECT_ERROR(xftp_peer_create(&peer, 131072, 1, "secret", &file), NONE);
    EXPECT_ERROR(xftp_peer_put(&peer, &file), NONE);
    EXPECT_ERROR(xftp_peer_create(&peer, 65536, 2, "secret", &file), NONE);
    EXPECT_ERROR(xftp_peer_put(&peer, &file), QUOTA);
}

static void test_delete_leaves_the_chunks(void **state) {
    (void)state;
    xftp_process_start(&server);
    xftp_process_connect(&server, &peer);
    (void)uploaded(1);
    assert_int_equal(xftp_process_stop(&server, SIGTERM), 0);
    const char *const argv[] = {BUILD_DIR "/bin/xftp-server", "delete", NULL};
    struct process *process = process_start(argv, "n\n");
    assert_int_equal(process_wait(process, XFTP_DEADLINE_MS), 1);
    process_destroy(&process);
    process = process_start(argv, "Y\n");
    assert_int_equal(process_wait(process, XFTP_DEADLINE_MS), 0);
    process_destroy(&process);
    assert_int_equal(access(server.configuration, F_OK), -1);
    assert_int_equal(access(server.data, F_OK), -1);
    assert_int_equal(access(server.files, F_OK), 0);
}

/* ---- statistics ---- */

static void test_9_counts_of_the_store_win_over_the_statistics_file(void **state) {
    (void)state;
    static const char *const names[] = {
        "fromTime=",          "\nfilesCreated=2",   "\nfileRecipients=4",   "\nfilesUploaded=2",
        "\nfilesExpired=",    "\nfilesDeleted=0",   "\nfilesBlocked=0",     "\nfilesCount=2",
        "\nfilesSize=131072", "\nfilesDownloaded:", "\ndayHashes=",         "\nweekHashes=",
        "\nmonthHashes=",     "\nfileDownloads=1",  "\nfileDownloadAcks=0", NULL};
    char path[256];
    xftp_process_start(&server);
    xftp_process_connect(&server, &peer);
    struct xftp_peer_file file = uploaded(1);
    (void)uploaded(2);
    EXPECT_ERROR(xftp_peer_get(&peer, &file, 0), NONE);
    assert_int_equal(xftp_process_stop(&server, SIGTERM), 0);
    xftp_peer_close(&peer);
    expect_in_order(text_of_file(server.data, "file-server-stats.log"), names);
    (void)snprintf(path, sizeof path, "%s/file-server-stats.log", server.data);
    FILE *stats = fopen(path, "w");
    assert_non_null(stats);
    fputs("fromTime=2026-11-29T04:30:41.747099643Z\nfilesCreated=70\nfileRecipients=80\nfilesUploaded=60\n"
          "filesDeleted=5\nfilesCount=999\nfilesSize=77777\nfilesDownloaded:\ndayHashes=1,-2\nweekHashes=1\n"
          "monthHashes=\nfileDownloads=8\nfileDownloadAcks=9\n",
          stats);
    fclose(stats);
    xftp_process_start(&server);
    await_text(server.data, "xftp-server-metrics.txt", "simplex_xftp_files_created 70 ");
    const char *metrics = text_of_file(server.data, "xftp-server-metrics.txt");
    assert_non_null(strstr(metrics, "simplex_xftp_files_count_total 2 "));
    assert_non_null(strstr(metrics, "simplex_xftp_files_size 131072 "));
    assert_non_null(strstr(metrics, "simplex_xftp_file_download_acks 9 "));
    assert_non_null(strstr(metrics, "simplex_xftp_files_count_daily 2 "));
    assert_non_null(strstr(text_of_file(server.data, "file-server-stats.log.bak"), "filesCount=999"));
}

/* The lines of the reference's file, each with its value left out, in its order. */
static void test_metrics_have_the_names_of_the_reference(void **state) {
    (void)state;
    FILE *vector = fopen("test/vectors/files/xftp/xftp-server-metrics.txt", "r");
    char line[512];
    assert_non_null(vector);
    xftp_process_start(&server);
    await_text(server.data, "xftp-server-metrics.txt", "simplex_xftp_info");
    const char *text = text_of_file(server.data, "xftp-server-metrics.txt");
    while (fgets(line, sizeof line, vector) != NULL) {
        size_t length = strncmp(line, "# ", 2) == 0 && strchr(line, ':') == NULL ? strcspn(line, "\n")
                        : line[0] == '#'                                         ? strcspn(line, ":")
                                                                                 : strcspn(line, " {");
        line[length] = '\0';
        if (length <= 1)
            continue;
        const char *found = strstr(text, line);
        if (found == NULL)
            fail_msg("'%s' is not there, or not in its place", line);
        else
            text = found + length;
    }
    fclose(vector);
}

/* ---- the control port ---- */

static int control_connect(void) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(server.control_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(descriptor >= 0);
    assert_int_equal(connect(descriptor, (const struct sockaddr *)&address, sizeof address), 0);
    return descriptor;
}

/* Sends a line, and reads until what came ends with `expected`. */
static void control_say(int descriptor, const char *line, const char *expected) {
    char text[1024] = "";
    size_t length = 0;
    assert_int_equal(write(descriptor, line, strlen(line)), strlen(line));
    while (length < strlen(expected) || strcmp(text + length - strlen(expected), expected) != 0) {
        struct pollfd entry = {.fd = descriptor, .events = POLLIN};
        if (poll(&entry, 1, 10000) != 1)
            fail_msg("'%s' brought '%s' instead of '%s'", line, text, expected);
        ssize_t got = read(descriptor, text + length, sizeof text - 1 - length);
        assert_true(got > 0);
        length += (size_t)got;
        text[length] = '\0';
    }
}

static const char *id_command(const char *command, struct slice id, const char *rest) {
    static char text[256];
    struct writer writer = writer_of(text, sizeof text - 1);
    write_text(&writer, command);
    write_text(&writer, " ");
    write_base64(&writer, id, BASE64_URL);
    write_text(&writer, rest);
    write_text(&writer, "\n");
    text[writer_length(&writer)] = '\0';
    return text;
}

static void test_14_the_control_port_answers_as_the_reference(void **state) {
    (void)state;
    xftp_process_start(&server);
    xftp_process_connect(&server, &peer);
    struct xftp_peer_file file = uploaded(1);
    struct xftp_peer_file other = uploaded(2);
    int control = control_connect();
    control_say(control, "", "XFTP server control port\n'help' for supported commands\n");
    control_say(control, "auth wrong\n", "Current role is CPRNone\n");
    control_say(control, id_command("delete", xftp_file_recipient(&file, 0), ""), "AUTH\n");
    control_say(control, "auth userpw\n", "Current role is CPRUser\n");
    control_say(control, "delete AAAA\n", "error: AUTH\n");
    control_say(control, id_command("delete", xftp_file_sender(&file), ""), "error: AUTH\n");
    control_say(control, id_command("block", xftp_file_recipient(&file, 0), " reason=spam"), "ok\n");
    control_say(control, id_command("block", xftp_file_recipient(&file, 0), " reason=spam"), "ok\n");
    control_say(control, id_command("block", xftp_file_recipient(&file, 0), " reason=none"),
                "error: Failed reading: invalid reason\n");
    control_say(control, id_command("delete", xftp_file_recipient(&other, 1), ""), "ok\n");
    control_say(control, "nonsense\n", "error: Failed reading: bad ControlProtocol command\n");
    close(control);
    EXPECT_ERROR(xftp_peer_get(&peer, &file, 0), BLOCKED);
    EXPECT_ERROR(xftp_peer_get(&peer, &other, 0), AUTH);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SERVER_TEST(test_it_prints_the_lines_of_the_reference),
        SERVER_TEST(test_both_signals_stop_it_in_order),
        SERVER_TEST(test_the_files_of_the_reference_are_understood),
        SERVER_TEST(test_mistakes_in_settings_are_told),
        SERVER_TEST(test_settings_reach_the_router),
        SERVER_TEST(test_delete_leaves_the_chunks),
        SERVER_TEST(test_9_counts_of_the_store_win_over_the_statistics_file),
        SERVER_TEST(test_metrics_have_the_names_of_the_reference),
        SERVER_TEST(test_14_the_control_port_answers_as_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

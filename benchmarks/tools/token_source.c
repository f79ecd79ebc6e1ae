/*
 * Serves tokens as the inference service, and users as the auth service, of the benchmark, at a low cost and an even
 * pace.
 *
 *     token_source PORT TOKENS
 *
 * Every token contains its time of creation, by the clock that all processes of a machine share, and its number, so
 * that the load client can check it. The first token of a reply is sent at once; the other tokens follow every 50 ms,
 * each reply in one of 200 slots of 0.25 ms. Successive replies take slots far apart, so that all replies together emit
 * tokens evenly.
 *
 *     POST /generate        a reply of TOKENS tokens, each an SSE event and a chunk, and the closing frame
 *     POST /chat/completions  the same reply as a chat completion of OpenAI's protocol
 *     POST /auth/validate   the user whose name is the bearer token
 *     GET /lateness         [[milliseconds, tokens], ...]: the lateness of tokens since the last such request
 *     any other request     {"status":"ok"}
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    SLOTS = 200,
    STRIDE = 123, /* It is coprime to SLOTS, so that successive replies are far apart and fill all slots in turn. */
    MOST_FILES = 1 << 17,
    MOST_REQUEST = 1 << 14,
    LATEST_MS = 1000,
    MOST_EVENTS = 256,
};
static const int64_t TICK_NS = 250000;

#define CHOICE "data: {\"id\":\"chatcmpl-000000000000000000000000\",\"object\":\"chat.completion.chunk\"," \
    "\"created\":1790000000,\"model\":\"default\",\"choices\":[{\"index\":0,\"delta\":"
enum { MICROS_DIGITS = 16, NUMBER_AT = 17, NUMBER_DIGITS = 6, MOST_TOKEN = 256 };

/* A protocol: a token and the end of a reply, and where the time of the token's creation is. */
typedef struct { const char *token, *closing; int micros_at; } protocol;
static const protocol
    GENERATE = {
        "36\r\ndata: {\"token\":\"t=0000000000000000;000000 \",\"gpu\":0}\n\n\r\n",
        "15\r\ndata: {\"done\":true}\n\n\r\n0\r\n\r\n",
        22,
    },
    CHAT_COMPLETION = {
        "e8\r\n" CHOICE "{\"content\":\"t=0000000000000000;000000 \"},\"logprobs\":null,\"finish_reason\":null}]}\n\n\r\n",
        "d2\r\n" CHOICE "{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n\r\n0\r\n\r\n",
        168,
    };

typedef struct connection {
    int file;
    const protocol *speaks;   /* protocol of the reply in progress */
    int tokens;               /* sent tokens of the reply in progress; 0 without one */
    int is_gone;              /* closed, but perhaps still in its slot */
    char *request, *unsent;   /* received part of a request; bytes that the caller has not taken */
    int request_size, unsent_size;
    struct connection *next;  /* next connection in the slot */
} connection;

static int epoll_file, listener, tokens_per_reply, replies, active, slot;
static connection *connections[MOST_FILES], *slots[SLOTS];
static long late[LATEST_MS + 1];

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void watch(int operation, int file, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = file};
    epoll_ctl(epoll_file, operation, file, &event);
}

/* Sends the bytes that the caller takes, and keeps the rest. A later read of the connection reports an error. */
static void send_bytes(connection *c, const char *data, int size) {
    if (!c->unsent_size) {
        ssize_t sent = send(c->file, data, size, MSG_NOSIGNAL);
        if (sent == size) return;
        if (sent > 0) data += sent, size -= sent;
        watch(EPOLL_CTL_MOD, c->file, EPOLLIN | EPOLLOUT);
    }
    c->unsent = realloc(c->unsent, c->unsent_size + size);
    memcpy(c->unsent + c->unsent_size, data, size);
    c->unsent_size += size;
}

static void flush(connection *c) {
    ssize_t sent = send(c->file, c->unsent, c->unsent_size, MSG_NOSIGNAL);
    if (sent <= 0) return;
    memmove(c->unsent, c->unsent + sent, c->unsent_size -= sent);
    if (!c->unsent_size) watch(EPOLL_CTL_MOD, c->file, EPOLLIN);
}

/* -- Tokens ------------------------------------------------------------------------------------------------------- */

static void put_digits(char *at, int digits, int64_t number) {
    while (digits--) at[digits] = '0' + number % 10, number /= 10;
}

static void emit_token(connection *c) {
    char token[MOST_TOKEN], *micros = token + c->speaks->micros_at;
    strcpy(token, c->speaks->token);
    put_digits(micros, MICROS_DIGITS, now_ns() / 1000);
    put_digits(micros + NUMBER_AT, NUMBER_DIGITS, c->tokens++);
    send_bytes(c, token, strlen(token));
}

static void begin_reply(connection *c, const protocol *speaks) {
    static const char head[] =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    connection **first = &slots[replies++ * (int64_t)STRIDE % SLOTS];
    c->speaks = speaks;
    send_bytes(c, head, sizeof head - 1);
    emit_token(c);
    c->next = *first;
    *first = c;
    active++;
}

/* Sends the next token or the end; returns whether the reply continues. */
static int go_on(connection *c) {
    if (c->tokens < tokens_per_reply) return emit_token(c), 1;
    c->tokens = 0;
    send_bytes(c, c->speaks->closing, strlen(c->speaks->closing));
    return 0;
}

static void release(connection *c) {
    free(c->request);
    free(c->unsent);
    free(c);
}

static void emit_slot(int64_t due) {
    for (connection **at = &slots[slot]; *at;) {
        connection *c = *at;
        int64_t ms = (now_ns() - due) / 1000000;
        late[ms < LATEST_MS ? ms : LATEST_MS]++;
        if (!c->is_gone && go_on(c)) { at = &c->next; continue; }
        *at = c->next;
        active--;
        if (c->is_gone) release(c);
    }
    slot = (slot + 1) % SLOTS;
}

/* -- Requests ----------------------------------------------------------------------------------------------------- */

static void answer_json(connection *c, const char *json) {
    char head[128];
    int size = strlen(json);
    send_bytes(c, head, sprintf(head, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", size));
    send_bytes(c, json, size);
}

static void answer_lateness(connection *c) {
    char json[(LATEST_MS + 1) * 32] = "[", *end = json + 1;
    for (int ms = 0; ms <= LATEST_MS; ms++)
        if (late[ms]) end += sprintf(end, "%s[%d,%ld]", end > json + 1 ? "," : "", ms, late[ms]);
    memset(late, 0, sizeof late);
    strcpy(end, "]");
    answer_json(c, json);
}

static void answer_validation(connection *c, const char *body) {
    char json[256], user[64] = "";
    const char *token = strstr(body, "\"token\"");
    if (token) sscanf(token, "\"token\" : \"%63[^\"]", user);
    sprintf(json, "{\"valid\":true,\"user\":{\"id\":\"%s\"},\"claims\":{\"sub\":\"%s\"}}", user, user);
    answer_json(c, json);
}

static void answer(connection *c, const char *request, const char *body) {
    if (!strncmp(request, "POST /generate ", 15)) begin_reply(c, &GENERATE);
    else if (!strncmp(request, "POST /chat/completions ", 23)) begin_reply(c, &CHAT_COMPLETION);
    else if (!strncmp(request, "POST /auth/validate ", 20)) answer_validation(c, body);
    else if (!strncmp(request, "GET /lateness ", 14)) answer_lateness(c);
    else answer_json(c, "{\"status\":\"ok\"}");
}

/* Finds the request at the beginning of the text; returns its size and the start of its body, or 0 if incomplete. */
static int complete_request(const char *text, int size, const char **body) {
    const char *blank = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\ncontent-length:");
    if (!blank) return 0;
    *body = blank + 4;
    int whole = *body - text + (length && length < blank ? atoi(length + 17) : 0);
    return size < whole ? 0 : whole;
}

static void accept_all(void) {
    int file;
    while ((file = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        int yes = 1;
        setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        connection *c = connections[file] = calloc(1, sizeof *c);
        c->file = file;
        c->request = calloc(1, MOST_REQUEST + 1);
        watch(EPOLL_CTL_ADD, file, EPOLLIN);
    }
}

static void close_connection(connection *c) {
    connections[c->file] = NULL;
    close(c->file);
    c->is_gone = 1;
    if (!c->tokens) release(c);
}

static void receive(connection *c) {
    ssize_t size = recv(c->file, c->request + c->request_size, MOST_REQUEST - c->request_size, 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) { close_connection(c); return; }
    c->request[c->request_size += size] = 0;
    const char *body;
    for (int whole; (whole = complete_request(c->request, c->request_size, &body));) {
        answer(c, c->request, body);
        memmove(c->request, c->request + whole, (c->request_size -= whole) + 1);
    }
}

static void serve_requests(void) {
    struct epoll_event events[MOST_EVENTS];
    int count = epoll_wait(epoll_file, events, MOST_EVENTS, 0);
    for (int i = 0; i < count; i++) {
        connection *c = connections[events[i].data.fd];
        if (events[i].data.fd == listener) { accept_all(); continue; }
        if (c && c->unsent_size && events[i].events & EPOLLOUT) flush(c);
        if (c && events[i].events & ~EPOLLOUT) receive(c);
    }
}

/* -- Life --------------------------------------------------------------------------------------------------------- */

static void listen_on(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) {
        fprintf(stderr, "The token source cannot listen on port %d: %s.\n", port, strerror(errno));
        exit(1);
    }
    epoll_file = epoll_create1(EPOLL_CLOEXEC);
    watch(EPOLL_CTL_ADD, listener, EPOLLIN);
}

/* Waits for this time or until a request arrives. ppoll() of the epoll file has nanosecond resolution. */
static void wait_for_requests(int64_t nanoseconds) {
    struct pollfd requests = {.fd = epoll_file, .events = POLLIN};
    struct timespec patience = {.tv_nsec = nanoseconds};
    if (ppoll(&requests, 1, nanoseconds < 0 ? NULL : &patience, NULL) > 0) serve_requests();
}

int main(int count, char **arguments) {
    if (count != 3) { fprintf(stderr, "token_source PORT TOKENS\n"); return 2; }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    tokens_per_reply = atoi(arguments[2]);
    listen_on(atoi(arguments[1]));
    for (int64_t due = now_ns();; due += TICK_NS) {
        for (int64_t left; (left = due - now_ns()) > 0;) wait_for_requests(left);
        emit_slot(due);
        serve_requests(); /* Requests are served even if tokens are late. */
        while (!active) { wait_for_requests(-1); due = now_ns(); }
    }
}

#include "door.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// What of sqlite3.h is used here. The library itself, with its header, is in
// another Go package, whose folder no #include of ours can name.
enum {
	SQLITE_OK = 0,
	SQLITE_NOMEM = 7,
	SQLITE_MISUSE = 21,
	SQLITE_ROW = 100,

	SQLITE_INTEGER = 1,
	SQLITE_FLOAT = 2,
	SQLITE_TEXT = 3,
	SQLITE_BLOB = 4,
	SQLITE_NULL = 5,

	SQLITE_UTF8 = 1,
	SQLITE_PREPARE_PERSISTENT = 1,
	SQLITE_LIMIT_ATTACHED = 7,
	SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION = 1005,
	SQLITE_DBCONFIG_ENABLE_QPSG = 1007,
	SQLITE_DBCONFIG_DEFENSIVE = 1010,
	SQLITE_DBCONFIG_DQS_DML = 1013,
	SQLITE_DBCONFIG_DQS_DDL = 1014,
	SQLITE_DBCONFIG_TRUSTED_SCHEMA = 1017,
};

typedef void (*destructor)(void *);
#define SQLITE_STATIC ((destructor)0)
#define SQLITE_TRANSIENT ((destructor)-1)

SQLITE_IMPORT int sqlite3_bind_blob64(sqlite3_stmt *, int, const void *, uint64_t, destructor);
SQLITE_IMPORT int sqlite3_bind_double(sqlite3_stmt *, int, double);
SQLITE_IMPORT int sqlite3_bind_int64(sqlite3_stmt *, int, int64_t);
SQLITE_IMPORT int sqlite3_bind_null(sqlite3_stmt *, int);
SQLITE_IMPORT int sqlite3_bind_parameter_count(sqlite3_stmt *);
SQLITE_IMPORT int sqlite3_bind_text64(sqlite3_stmt *, int, const char *, uint64_t, destructor, unsigned char);
SQLITE_IMPORT int sqlite3_busy_handler(sqlite3 *, int (*)(void *, int), void *);
SQLITE_IMPORT int sqlite3_clear_bindings(sqlite3_stmt *);
SQLITE_IMPORT int sqlite3_close_v2(sqlite3 *);
SQLITE_IMPORT const void *sqlite3_column_blob(sqlite3_stmt *, int);
SQLITE_IMPORT int sqlite3_column_bytes(sqlite3_stmt *, int);
SQLITE_IMPORT double sqlite3_column_double(sqlite3_stmt *, int);
SQLITE_IMPORT int64_t sqlite3_column_int64(sqlite3_stmt *, int);
SQLITE_IMPORT int sqlite3_column_type(sqlite3_stmt *, int);
SQLITE_IMPORT int sqlite3_data_count(sqlite3_stmt *);
SQLITE_IMPORT int sqlite3_db_config(sqlite3 *, int, ...);
SQLITE_IMPORT int sqlite3_exec(sqlite3 *, const char *, int (*)(void *, int, char **, char **), void *, char **);
SQLITE_IMPORT int sqlite3_extended_result_codes(sqlite3 *, int);
SQLITE_IMPORT int sqlite3_limit(sqlite3 *, int, int);
SQLITE_IMPORT int sqlite3_open_v2(const char *, sqlite3 **, int, const char *);
SQLITE_IMPORT int sqlite3_prepare_v3(sqlite3 *, const char *, int, unsigned, sqlite3_stmt **, const char **);
SQLITE_IMPORT void sqlite3_progress_handler(sqlite3 *, int, int (*)(void *), void *);
SQLITE_IMPORT int sqlite3_reset(sqlite3_stmt *);
SQLITE_IMPORT int sqlite3_step(sqlite3_stmt *);

void door_stop(door *d, int on) { __atomic_store_n(&d->stop, on, __ATOMIC_RELAXED); }

// stopped is SQLite's progress handler: not 0 interrupts the statement.
static int stopped(void *arg) { return __atomic_load_n(&((door *)arg)->stop, __ATOMIC_RELAXED); }

// busy is SQLite's busy handler: not 0 tries to get the lock once more. count is
// how often it was called for this lock.
static int busy(void *arg, int count) {
	door *d = arg;
	int ms = count < 5 ? 1 << count : 25;
	if (count == 0) d->waited_ms = 0;
	if (ms > d->wait_ms - d->waited_ms) ms = d->wait_ms - d->waited_ms;
	if (ms <= 0 || stopped(d)) return 0;
	d->waited_ms += ms;
	struct timespec pause = {0, ms * 1000000L};
	while (nanosleep(&pause, &pause) != 0 && errno == EINTR) {
	}
	return 1;
}

// progress_steps is how many instructions of SQLite's virtual machine lie between
// two looks at stop: some 10 microseconds.
enum { progress_steps = 1000 };

int door_open(const char *path, int flags, door **out) {
	door *d = *out = calloc(1, sizeof *d);
	if (d == NULL) return SQLITE_NOMEM;
	int rc = sqlite3_open_v2(path, &d->db, flags, NULL);
	if (d->db == NULL) {
		*out = NULL;
		free(d);
		return SQLITE_NOMEM;
	}
	sqlite3_extended_result_codes(d->db, 1);
	if (rc != SQLITE_OK) return rc;
	sqlite3_db_config(d->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(d->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(d->db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
	// Plans must not depend on values: else a statement with a join is compiled anew
	// whenever a value is bound, which takes longer than most statements.
	sqlite3_db_config(d->db, SQLITE_DBCONFIG_ENABLE_QPSG, 1, NULL);
	sqlite3_db_config(d->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_db_config(d->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	sqlite3_limit(d->db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_progress_handler(d->db, progress_steps, stopped, d);
	sqlite3_busy_handler(d->db, busy, d);
	return sqlite3_exec(d->db, "PRAGMA cell_size_check = ON", NULL, NULL, NULL);
}

void door_close(door *d) {
	sqlite3_close_v2(d->db);
	free(d);
}

int door_prepare(door *d, const char *sql, int size, sqlite3_stmt **out, int *rest) {
	const char *tail = sql + size;
	int rc = sqlite3_prepare_v3(d->db, sql, size, SQLITE_PREPARE_PERSISTENT, out, &tail);
	*rest = (int)(sql + size - tail);
	return rc;
}

// bind_one binds the value at *at and moves *at behind it.
static int bind_one(sqlite3_stmt *stmt, int i, const uint8_t **at, destructor keep) {
	int type = **at;
	int64_t integer;
	double real;
	memcpy(&integer, *at + 1, 8);
	memcpy(&real, *at + 1, 8);
	const uint8_t *text = *at += 9;
	switch (type) {
	case SQLITE_INTEGER: return sqlite3_bind_int64(stmt, i, integer);
	case SQLITE_FLOAT: return sqlite3_bind_double(stmt, i, real);
	case SQLITE_NULL: return sqlite3_bind_null(stmt, i);
	}
	*at += integer;
	if (type == SQLITE_TEXT)
		return sqlite3_bind_text64(stmt, i, (const char *)text, (uint64_t)integer, keep, SQLITE_UTF8);
	return sqlite3_bind_blob64(stmt, i, text, (uint64_t)integer, keep);
}

static int bind(sqlite3_stmt *stmt, const uint8_t *values, int n, destructor keep) {
	int rc = sqlite3_bind_parameter_count(stmt) == n ? SQLITE_OK : SQLITE_MISUSE;
	for (int i = 1; i <= n && rc == SQLITE_OK; i++) rc = bind_one(stmt, i, &values, keep);
	if (rc != SQLITE_OK) sqlite3_clear_bindings(stmt);
	return rc;
}

void door_reset(sqlite3_stmt *stmt) {
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
}

int door_step(sqlite3_stmt *stmt, cell *row, int columns) {
	int rc = sqlite3_step(stmt);
	if (rc != SQLITE_ROW) {
		door_reset(stmt);
		return rc;
	}
	// A statement that was compiled anew, after a change of the schema, may have
	// fewer columns than before.
	int n = sqlite3_data_count(stmt);
	for (int i = 0; i < columns; i++) {
		cell *c = &row[i];
		c->type = i < n ? sqlite3_column_type(stmt, i) : SQLITE_NULL;
		switch (c->type) {
		case SQLITE_INTEGER: c->integer = sqlite3_column_int64(stmt, i); break;
		case SQLITE_FLOAT: c->real = sqlite3_column_double(stmt, i); break;
		case SQLITE_TEXT:
		case SQLITE_BLOB:
			c->text = sqlite3_column_blob(stmt, i); // of a text: its bytes as they are
			c->size = sqlite3_column_bytes(stmt, i);
		}
	}
	return rc;
}

int door_start(sqlite3_stmt *stmt, const uint8_t *values, int n, cell *row, int columns) {
	int rc = bind(stmt, values, n, SQLITE_TRANSIENT);
	return rc == SQLITE_OK ? door_step(stmt, row, columns) : rc;
}

int door_exec(sqlite3_stmt *stmt, const uint8_t *values, int n) {
	int rc = bind(stmt, values, n, SQLITE_STATIC);
	if (rc != SQLITE_OK) return rc;
	do rc = sqlite3_step(stmt);
	while (rc == SQLITE_ROW);
	door_reset(stmt);
	return rc;
}

#ifdef __GLIBC__
// Without this every thread that Go starts would map and unmap an arena of its own, which is a
// tenth of the time of the smallest commands. Go's memory is not C's, and SQLite has one user
// of a connection at a time.
__attribute__((constructor)) static void one_arena(void) { mallopt(M_ARENA_MAX, 1); }
#endif

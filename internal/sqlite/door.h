// The C side of package sqlite: each function does what would otherwise take
// several calls from Go. None of them calls back into Go.
#ifndef SHEAF_SQLITE_DOOR_H
#define SHEAF_SQLITE_DOOR_H

#include <stddef.h>
#include <stdint.h>

typedef struct sqlite3 sqlite3;
typedef struct sqlite3_stmt sqlite3_stmt;

// A connection. Its owner uses it from one thread at a time, except for stop.
typedef struct door {
	sqlite3 *db;
	int stop;      // not 0: statements end with SQLITE_INTERRUPT; see door_stop
	int wait_ms;   // how long to wait for the lock of another connection
	int waited_ms; // how long the current wait has lasted
} door;

// A column of a row. text is memory of SQLite, valid until the next step.
typedef struct cell {
	int type; // SQLITE_INTEGER (1), FLOAT (2), TEXT (3), BLOB (4) or NULL (5)
	int size; // bytes of text, for TEXT and BLOB
	int64_t integer;
	double real;
	const void *text;
} cell;

// door_open opens a database. *out is set, and must be closed, even when the
// result is not 0, unless memory ran out.
int door_open(const char *path, int flags, door **out);

// door_close closes the connection. Statements that are still open keep the
// database open until the last one is finalized, and must not be stepped.
void door_close(door *d);

// door_stop makes running statements end soon, and later ones at once (on is 1),
// or lets statements run again (on is 0). Any thread may call it.
void door_stop(door *d, int on);

// door_prepare compiles a statement. *out is NULL for text without one; *rest is
// how many bytes follow the statement.
int door_prepare(door *d, const char *sql, int size, sqlite3_stmt **out, int *rest);

// door_start binds n values and takes the first step. Each value is a byte with
// its type and 8 bytes: the integer, the real, or the size of the text that
// follows. The text is copied.
int door_start(sqlite3_stmt *stmt, const uint8_t *values, int n, cell *row, int columns);

// door_step takes the next step. After SQLITE_ROW (100) row is filled; after
// anything else the statement is reset.
int door_step(sqlite3_stmt *stmt, cell *row, int columns);

// door_exec binds as door_start does, without a copy, runs the statement to its
// end and resets it. It returns SQLITE_DONE (101) or an error.
int door_exec(sqlite3_stmt *stmt, const uint8_t *values, int n);

// door_reset makes a statement ready for its next run.
void door_reset(sqlite3_stmt *stmt);

// Functions of SQLite that Go calls as they are.
#ifdef __APPLE__
#define SQLITE_IMPORT extern // resolved at the final link: -undefined dynamic_lookup
#else
#define SQLITE_IMPORT extern __attribute__((weak)) // may be missing until the final link
#endif

SQLITE_IMPORT int sqlite3_changes(sqlite3 *);
SQLITE_IMPORT int sqlite3_column_count(sqlite3_stmt *);
SQLITE_IMPORT const char *sqlite3_errmsg(sqlite3 *);
SQLITE_IMPORT const char *sqlite3_errstr(int);
SQLITE_IMPORT int sqlite3_extended_errcode(sqlite3 *);
SQLITE_IMPORT int sqlite3_finalize(sqlite3_stmt *);
SQLITE_IMPORT int sqlite3_get_autocommit(sqlite3 *);
SQLITE_IMPORT int64_t sqlite3_last_insert_rowid(sqlite3 *);

#endif

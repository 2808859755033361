// SQLite as Swift sees it: its header, and inline functions for the macros and variadics that Swift cannot import.
#ifndef AXLE_CSQLITE_H
#define AXLE_CSQLITE_H

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Binds text that SQLite copies before it returns.
static inline int axle_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *bytes, sqlite3_uint64 count) {
    return sqlite3_bind_text64(statement, index, bytes, count, SQLITE_TRANSIENT, SQLITE_UTF8);
}

// Binds a blob that SQLite copies before it returns; an empty one stays a blob and does not become NULL.
static inline int axle_sqlite_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, sqlite3_uint64 count) {
    if (count == 0) return sqlite3_bind_zeroblob(statement, index, 0);
    return sqlite3_bind_blob64(statement, index, bytes, count, SQLITE_TRANSIENT);
}

// Sets a connection's boolean option (SQLITE_DBCONFIG_…).
static inline int axle_sqlite_configure(sqlite3 *database, int option, int value) {
    return sqlite3_db_config(database, option, value, (int *)0);
}

// Called by SQLite after each commit with the pages in the log.
static inline int axle_sqlite_note_pages(void *context, sqlite3 *database, const char *name, int pages) {
    (void)database, (void)name;
    *(int *)context = pages;
    return SQLITE_OK;
}

// Writes the pages in the log to `pages` after each commit; SQLite does not copy the log into the file by itself then.
static inline void axle_sqlite_watch_log(sqlite3 *database, int *pages) {
    sqlite3_wal_hook(database, axle_sqlite_note_pages, pages);
}

// Makes the database file before SQLite would, readable by its owner only; the log files inherit its mode.
// Gives 0, or an errno.
static inline int axle_sqlite_create_private(const char *path) {
    int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0) return errno;
    close(descriptor);
    return 0;
}

// The words for an errno.
static inline const char *axle_sqlite_error_text(int number) {
    return strerror(number);
}

#endif

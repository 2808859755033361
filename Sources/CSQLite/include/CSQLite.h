// SQLite as Swift sees it: its header, and inline functions for the macros that Swift cannot import.
#ifndef AXLE_CSQLITE_H
#define AXLE_CSQLITE_H

#include <sqlite3.h>

#endif

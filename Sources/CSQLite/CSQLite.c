// All of CSQLite is in its header; a target needs one source file.
#include "CSQLite.h"

// All of CLinux is in its header; a target needs one source file.
#include "CLinux.h"

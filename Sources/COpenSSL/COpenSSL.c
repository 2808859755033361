// All of COpenSSL is in its header; a target needs one source file.
#include "COpenSSL.h"

// The Linux calls that Swift's Glibc overlay does not import, as inline functions.
#ifndef AXLE_CLINUX_H
#define AXLE_CLINUX_H

#endif

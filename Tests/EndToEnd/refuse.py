"""refuse.py NUMBER ERRNO COMMAND…: runs a command for which one system call fails, as under a filter of its unit or container."""

import ctypes
import os
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)


def statement(code, if_true, if_false, value):
    return struct.pack("HBBI", code, if_true, if_false, value)


# Load the call's number; if it is the one, answer with the errno; else allow it (seccomp(2)).
program = (
    statement(0x20, 0, 0, 0) + statement(0x15, 0, 1, int(sys.argv[1]))
    + statement(0x06, 0, 0, 0x00050000 | int(sys.argv[2])) + statement(0x06, 0, 0, 0x7FFF0000))
code = ctypes.create_string_buffer(program)


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


filter_ = Program(len(program) // 8, ctypes.addressof(code))
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filter_)):
    sys.exit(f"refuse.py: {os.strerror(ctypes.get_errno())}")
os.execvp(sys.argv[3], sys.argv[3:])

"""What a process cost: processor seconds and the most memory it held."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Used:
    """Processor seconds, and the most memory in MB."""

    cpu: float
    peak: float


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    class _Counters(ctypes.Structure):
        """PROCESS_MEMORY_COUNTERS of psapi.h."""

        _fields_ = (
            ("cb", wintypes.DWORD),
            ("PageFaultCount", wintypes.DWORD),
            ("PeakWorkingSetSize", ctypes.c_size_t),
            ("WorkingSetSize", ctypes.c_size_t),
            ("QuotaPeakPagedPoolUsage", ctypes.c_size_t),
            ("QuotaPagedPoolUsage", ctypes.c_size_t),
            ("QuotaPeakNonPagedPoolUsage", ctypes.c_size_t),
            ("QuotaNonPagedPoolUsage", ctypes.c_size_t),
            ("PagefileUsage", ctypes.c_size_t),
            ("PeakPagefileUsage", ctypes.c_size_t),
        )

    def peak_memory() -> float:
        """The most memory that this process ever held, in MB."""
        counters = _Counters()
        counters.cb = ctypes.sizeof(counters)
        current = ctypes.windll.kernel32.GetCurrentProcess
        current.restype = wintypes.HANDLE
        ask = ctypes.windll.psapi.GetProcessMemoryInfo
        ask.argtypes = (wintypes.HANDLE, ctypes.POINTER(_Counters), wintypes.DWORD)
        if not ask(current(), ctypes.byref(counters), counters.cb):
            raise ctypes.WinError()
        return float(counters.PeakWorkingSetSize) / MEGABYTE

    def run(command: Sequence[str], folder: str, environment: Mapping[str, str]) -> Used:
        """Of a child that has ended, Windows tells nothing without a job object."""
        raise NotImplementedError

else:
    import resource

    # Linux counts in kB, macOS in bytes: getrusage(2) of each.
    _UNIT = 1 if sys.platform == "darwin" else 1024

    def peak_memory() -> float:
        """The most memory that this process ever held, in MB."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT / MEGABYTE

    def run(command: Sequence[str], folder: str, environment: Mapping[str, str]) -> Used:
        """Run a program that must succeed, and tell what it cost; POSIX alone tells that of a child."""
        with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL) as child:
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise subprocess.CalledProcessError(child.returncode, command)
        return Used(used.ru_utime + used.ru_stime, used.ru_maxrss * _UNIT / MEGABYTE)

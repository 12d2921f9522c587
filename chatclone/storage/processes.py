"""Ending other processes of this program, and only those: an id read from a file may be another program's by now."""


def kill_module(pid: int, module: str) -> bool:
    """Kill process `pid` if it runs `python -m MODULE`; return whether it did."""
    import psutil  # type: ignore[import-untyped]  # it brings no types

    try:
        process = psutil.Process(pid)
        if module not in process.cmdline():
            return False
        process.kill()  # psutil refuses where the id was given to a new process meanwhile
    except psutil.Error:
        return False
    return True

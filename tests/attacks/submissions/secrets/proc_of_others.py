"""Opens everything in /proc of everybody: memory, maps, environment, command lines, files, roots."""
import os

pids = [name for name in os.listdir("/proc") if name.isdigit()] + ["@PID@", "1", "2", "self", "thread-self"]
for pid in pids:
    mine = pid in ("self", "thread-self") or pid == str(os.getpid())
    for name in ("environ", "cmdline", "maps", "mem", "auxv", "status", "stack", "syscall", "mountinfo", "fd", "root", "cwd", "map_files", "task"):
        path = f"/proc/{pid}/{name}"
        try:
            if name in ("fd", "root", "cwd", "map_files", "task"):
                found = " ".join(os.listdir(path))
            else:
                with open(path, "rb") as file:
                    found = file.read(20_000).decode("latin-1")
        except OSError:
            continue
        if not mine:
            print("PWNED", path, found[:60])
        if "PLANTED" in found or "AUTOGRADE" in found:
            print("PWNED", found[:200])
print("TRIED", len(pids))

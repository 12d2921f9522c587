"""How workers are started: a single one, several on this machine, or on several machines.

It builds commands and starts nothing.
"""

import importlib.resources
import os
import shlex
import sys
from pathlib import Path
from typing import NamedTuple

from chatclone.errors import UsageError

WORKER = "chatclone.training.worker"
PORT = 29500


class Launch(NamedTuple):
    """How many processes train together on this machine, and accelerate's configuration if they need one."""

    processes: int = 1
    configuration: Path | None = None

    @property
    def together(self) -> bool:
        """Whether a launcher starts the workers."""
        return self.processes > 1 or self.configuration is not None

    def command(self, plan: Path) -> list[str]:
        """Return the command that starts the workers for the plan in a file."""
        if self.configuration is not None:
            launcher = ["accelerate.commands.launch", "--config_file", str(self.configuration)]
            launcher += ["--num_processes", str(self.processes)]
        elif self.processes > 1:
            launcher = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(self.processes)]
        else:
            return [sys.executable, "-m", WORKER, str(plan)]
        return [sys.executable, "-m", *launcher, "-m", WORKER, str(plan)]

    def environment(self) -> dict[str, str]:
        """Return environment variables for the workers; the user's own settings override them."""
        # Waiting threads sleep instead of spinning: beside other work a step took ten times as long.
        variables = {"OMP_WAIT_POLICY": "PASSIVE"}
        if self.together:  # else torchrun gives each process one thread
            variables["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // self.processes))
        return variables


def launch(processes: int = 1, configuration: str = "") -> Launch:
    """Return how to launch; `configuration` is a file for accelerate, or the name of one in this package."""
    if processes < 1:
        raise UsageError("--processes must be 1 or more, not {given}", "--processes 2", given=processes)
    if not configuration:
        return Launch(processes)
    file = Path(configuration).expanduser()
    if not file.is_file():
        file = _folder() / f"{configuration}.yaml"
    if not file.is_file():
        raise UsageError(
            "there is no launch configuration {name}",
            "name a file that `accelerate config` wrote, or one of: {names}",
            name=configuration,
            names=", ".join(sorted(p.stem for p in _folder().glob("*.yaml"))),
        )
    return Launch(processes, file)


def remote_commands(plan: Path, machines: int, processes: int) -> dict[str, str]:
    """Return the commands that train the plan in a file on several machines, by the name of the launcher."""
    worker, every = f"-m {WORKER} {shlex.quote(str(plan))}", machines * processes
    return {
        "torchrun": f"torchrun --nnodes {machines} --nproc-per-node {processes} --node-rank RANK "
        f"--master-addr FIRST_MACHINE --master-port {PORT} {worker}",
        "accelerate": f"accelerate launch --multi_gpu --num_machines {machines} --num_processes {every} "
        f"--machine_rank RANK --main_process_ip FIRST_MACHINE --main_process_port {PORT} {worker}",
        "slurm": f"srun --nodes {machines} --ntasks-per-node 1 --gpus-per-node {processes} "
        f"torchrun --nnodes {machines} --nproc-per-node {processes} "
        f'--rdzv-backend c10d --rdzv-endpoint "$HEAD:{PORT}" {worker}',
    }


def _folder() -> Path:
    return Path(str(importlib.resources.files("chatclone.training"))) / "accelerate"

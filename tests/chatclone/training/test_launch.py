"""The commands that start workers, and the configuration for accelerate in the package."""

import sys
from pathlib import Path

import pytest

from chatclone.errors import UsageError
from chatclone.training.launch import Launch, launch, remote_commands
from chatclone.training.setting_bounds import preset

PLAN = Path("runs/1/plan.json")
WORKER = ["-m", "chatclone.training.worker", str(PLAN)]


class TestCommand:
    """The command that starts the workers on this machine."""

    def test_alone(self) -> None:
        """One process needs no launcher."""
        assert launch().command(PLAN) == [sys.executable, *WORKER]
        assert not launch().together

    def test_together(self) -> None:
        """Several processes are started by torchrun, each with its share of the cores."""
        how = launch(2)
        assert how.command(PLAN)[1:6] == ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        assert how.command(PLAN)[-3:] == WORKER
        assert int(how.environment()["OMP_NUM_THREADS"]) >= 1
        assert "OMP_NUM_THREADS" not in launch().environment()

    def test_configured(self, tmp_path: Path) -> None:
        """A configuration is the name of one in the package, or a file."""
        command = launch(4, "fsdp-qlora").command(PLAN)
        assert command[1:4] == ["-m", "accelerate.commands.launch", "--config_file"]
        assert Path(command[4]).is_file() and command[5:7] == ["--num_processes", "4"]
        own = tmp_path / "own.yaml"
        own.touch()
        assert launch(1, str(own)) == Launch(1, own)

    def test_wrong(self) -> None:
        """The error for an unknown configuration lists those in the package; 0 processes are refused."""
        with pytest.raises(UsageError, match="no launch configuration fdsp") as error:
            launch(2, "fdsp")
        assert "fsdp-qlora" in error.value.hint
        with pytest.raises(UsageError, match="must be 1 or more"):
            launch(0)


def test_remote_commands() -> None:
    """For two machines with eight GPUs each, every launcher gets sixteen processes and the plan."""
    commands = remote_commands(Path("my runs/plan.json"), 2, 8)
    assert commands.keys() == {"torchrun", "accelerate", "slurm"}
    assert "--nnodes 2 --nproc-per-node 8" in commands["torchrun"]
    assert "--num_machines 2 --num_processes 16" in commands["accelerate"]
    assert all(command.endswith("worker 'my runs/plan.json'") for command in commands.values())


def test_configurations_are_taken_by_accelerate(monkeypatch: pytest.MonkeyPatch) -> None:
    """accelerate's launcher parses the file, and its FSDP plugin accepts the environment variables it sets."""
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser
    from accelerate.utils import FullyShardedDataParallelPlugin
    from accelerate.utils.launch import prepare_multi_gpu_env

    command = launch(4, "fsdp-qlora").command(PLAN)
    arguments, _, _ = _validate_launch_command(launch_command_parser().parse_args(command[3:]))
    assert (arguments.use_fsdp, arguments.num_processes, arguments.module) == (True, 4, True)
    told = prepare_multi_gpu_env(arguments)
    assert told["ACCELERATE_USE_FSDP"] == "true"
    # Both ask for a GPU to send the base to, which is not what is tested.
    needs_gpu = ("FSDP_SYNC_MODULE_STATES", "FSDP_CPU_RAM_EFFICIENT_LOADING")
    assert all(told[name] == "true" for name in needs_gpu)
    for name, value in told.items():
        if name.startswith("FSDP_"):
            monkeypatch.setenv(name, "false" if name in needs_gpu else value)
    plugin = FullyShardedDataParallelPlugin()
    assert plugin.sharding_strategy.name == "FULL_SHARD"
    assert plugin.state_dict_type.name == "FULL_STATE_DICT"
    assert not plugin.use_orig_params


def test_preset_goes_with_the_configuration() -> None:
    """The preset has one type for everything that FSDP splits."""
    values, _ = preset("fsdp-qlora")
    assert (values.quantisation, values.dtype, values.optimizer) == ("4-bit", "bfloat16", "adamw")

"""The devices of this machine, as Lightning names them."""

from collections.abc import Sequence

import torch

from onelayer.errors import UserError
from onelayer.memory import free_memory


def refuse_missing_device(accelerator: str, devices: int | Sequence[int]) -> None:
    """Say in one sentence what Lightning says in a traceback.

    Args:
        accelerator: of the trainer.
        devices: 1, or the number of the one device to use, in a list.

    Raises:
        UserError: the accelerator is not there.
    """
    cuda, count = torch.cuda.is_available(), torch.cuda.device_count()
    there = {"gpu": cuda or torch.backends.mps.is_available(), "cuda": cuda, "mps": torch.backends.mps.is_available()}
    number = 0 if isinstance(devices, int) else devices[0]
    if accelerator in ("gpu", "cuda") and number >= count > 0:
        raise UserError(f"trainer.devices=[{number}]: this machine has {count} GPUs, from 0 on")
    if not there.get(accelerator, True):
        raise UserError(
            f"trainer.accelerator={accelerator}: torch finds no such device on this machine; use trainer=cpu"
        )


def free_bytes(accelerator: str, devices: int | Sequence[int]) -> int:
    """Return the free memory of the device that a run asks for, in bytes."""
    if accelerator in ("gpu", "cuda", "auto") and torch.cuda.is_available():
        return int(torch.cuda.mem_get_info(0 if isinstance(devices, int) else devices[0])[0])
    return free_memory()

"""Muon for the hidden matrices, AdamW for the rest, in float32 (processors without bfloat16 units are slow in it)."""

from typing import Any

import torch

# Newton-Schulz coefficients of Muon (Jordan et al. 2024): five steps bring all singular values near one.
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
NEWTON_SCHULZ_STEPS = 5


def orthogonalize(stack: torch.Tensor) -> torch.Tensor:
    """Return matrices of shape [n, rows, columns] with their singular values moved near one."""
    tall = stack.size(1) > stack.size(2)
    x: torch.Tensor = stack.mT if tall else stack
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    a, b, c = NEWTON_SCHULZ
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    oriented: torch.Tensor = x.mT if tall else x
    return oriented


class Muon(torch.optim.Optimizer):
    """Momentum whose update is orthogonalized; one param group holds matrices of one shape, updated as one stack."""

    def __init__(
        self, groups: list[dict[str, Any]], lr: float, momentum: float = 0.95, weight_decay: float = 0.01
    ) -> None:
        super().__init__(groups, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """Update every matrix from its gradient."""
        for group in self.param_groups:
            updates = []
            for parameter in group["params"]:
                state = self.state[parameter]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(parameter)
                state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
                updates.append(parameter.grad.lerp(state["momentum"], group["momentum"]))
            rows, columns = group["params"][0].shape
            scale = max(1.0, rows / columns) ** 0.5
            for parameter, update in zip(group["params"], orthogonalize(torch.stack(updates)), strict=True):
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(update, alpha=-group["lr"] * scale)


def build_optimizers(model: torch.nn.Module, matrix_lr: float, other_lr: float) -> tuple[Muon, torch.optim.AdamW]:
    """Return the optimizers of the model: Muon for the layers' matrices, AdamW for embeddings and norms."""
    by_shape: dict[tuple[int, ...], list[torch.nn.Parameter]] = {}
    others = []
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2 and "embed" not in name:
            by_shape.setdefault(tuple(parameter.shape), []).append(parameter)
        else:
            others.append(parameter)
    muon = Muon([{"params": parameters} for parameters in by_shape.values()], matrix_lr)
    adamw = torch.optim.AdamW(others, other_lr, betas=(0.9, 0.97), eps=1e-9, weight_decay=0.0)
    for optimizer in (muon, adamw):
        for group in optimizer.param_groups:
            group["peak_lr"] = group["lr"]
    return muon, adamw

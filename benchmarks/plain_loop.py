"""The training loop that is usual in this field, to measure against."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

TEMPERATURE = 20.0


class Pictures(Dataset):  # type: ignore[type-arg]
    """Images one by one, as PIL images, through torchvision's transforms in their usual order."""

    def __init__(self, images_NHWC: np.ndarray) -> None:
        self.images_NHWC = images_NHWC
        size, fill = images_NHWC.shape[1], (125, 122, 115)
        self.transform = v2.Compose(
            [
                v2.RandAugment(num_ops=4, magnitude=14, fill=fill),
                v2.PILToTensor(),
                v2.RandomApply([v2.ElasticTransform(alpha=50.0, sigma=5.0, fill=fill)], p=0.5),
                v2.RandomInvert(p=0.1),
                v2.RandomHorizontalFlip(),
                v2.RandomCrop(size, padding=size // 8, fill=fill),
                v2.ToDtype(torch.float32, scale=True),
            ]
        )

    def __len__(self) -> int:
        return len(self.images_NHWC)

    def __getitem__(self, row: int) -> torch.Tensor:
        from PIL import Image

        return self.transform(Image.fromarray(self.images_NHWC[row]))


def images_per_second(
    teacher: nn.Module, student: nn.Module, images_NHWC: np.ndarray, batch: int, steps: int, device: str
) -> float:
    """Distil for some steps, after one to warm up; the start of the workers does not count."""
    torch.backends.cudnn.deterministic = False
    teacher, student = teacher.to(device), student.to(device)
    optimiser = torch.optim.SGD(student.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    loader = DataLoader(
        Pictures(images_NHWC), batch, shuffle=True, num_workers=2, drop_last=True, persistent_workers=True
    )
    done, began = -1, 0.0
    while done < steps:
        for x_NCHW in loader:
            _step(teacher, student, optimiser, x_NCHW.to(device))
            done += 1
            if done == 0:
                began = time.perf_counter()
            if done == steps:
                break
    if device == "cuda":
        torch.cuda.synchronize()
    return steps * batch / (time.perf_counter() - began)


def _step(
    teacher: nn.Module, student: nn.Module, optimiser: torch.optim.Optimizer, x_NCHW: torch.Tensor
) -> None:
    share = np.random.default_rng().beta(1.0, 1.0)
    x_NCHW = share * x_NCHW + (1 - share) * x_NCHW[torch.randperm(len(x_NCHW), device=x_NCHW.device)]
    with torch.no_grad():
        teacher_NK = teacher(x_NCHW)
    student_NK = student(x_NCHW)
    loss = TEMPERATURE**2 * nn.functional.kl_div(
        (student_NK / TEMPERATURE).log_softmax(1),
        (teacher_NK / TEMPERATURE).softmax(1),
        reduction="batchmean",
    )
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    loss.item()

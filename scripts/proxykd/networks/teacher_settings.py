"""Somebody else's network as the teacher: where it is, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from proxykd.errors import UserError
from proxykd.networks.settings import FOREIGN, family_of, module_of
from proxykd.section import Section

if TYPE_CHECKING:
    from proxykd.networks.stated import Fact


class Factory(Section):
    """A function of the user's own Python file, which builds the network."""

    path: str = Field(examples=["~/networks/mine.py"])
    """The Python file. Its content counts for the teacher's key, and it is kept with the teacher, like the
    modules beside it that it imports; but what these hold does not count: change one, and nothing is made
    anew before the file itself, or the checkpoint, changes. Other files that they read are not kept."""

    function: str = Field("build", pattern=r"^[A-Za-z_]\w*$")
    """Function or class in it that returns the network, a torch.nn.Module that gives logits N x K of images
    N x C x H x W. Of the arguments `classes`, `channels` and `size` (numbers) it is given those it has. The
    checkpoint's weights are loaded into what it returns."""

    def file(self) -> Path:
        """The Python file."""
        return Path(self.path).expanduser()


class ImportTeacher(Section):
    """Somebody's checkpoint becomes the teacher, without any of its images.

    What is left out is looked for in the checkpoint, and in network.json, config.json (timm's or
    Hugging Face's) and preprocessor_config.json beside it. What is given wins, with a warning where another
    value is found.
    """

    architecture: str = Field(examples=["cifar_resnet_20", "torchvision:resnet50", "factory", "export"])
    """As for a network that is trained here; or `factory`, for one that a function of your own Python file
    builds; or `export`, where the checkpoint is a program saved by torch.export.save, with a dynamic batch
    size. The last two can execute any code, and need trust: true."""

    factory: Factory | None = None
    """Where the function is, for the architecture `factory`."""

    checkpoint: str
    """File with the weights: safetensors, or a pickle that loads with weights_only=True; may be nested
    (state_dict, model, ...) and prefixed (module.). For `export`: the program."""

    trust: bool = False
    """Load what can execute any code: a pickle that holds more than weights, a Python file, an exported
    program. Only if you trust its author. Later stages execute it again."""

    size: int | None = Field(None, ge=4, le=1024)
    """Width and height of its input in pixels. If not given: as found; for timm:<name>, that network's usual
    one."""

    channels: Literal[1, 3] | None = None
    """Channels of its input. If not given: as many as `mean` has values, else as found, else 3."""

    classes: int | list[str] | None = None
    """Number of classes, or their names in the order of the outputs. If not given: as found, be it from the
    shape of the last layer."""

    mean: list[float] | None = None
    """Mean of red, green, blue (or grey) that its input is normalised with, for pixels in [0, 1]. If
    neither given nor found, it is assumed, with a warning: that of timm:<name>, else ImageNet's,
    [0.485, 0.456, 0.406]."""

    deviation: list[float] | None = None
    """Standard deviation per channel of the same normalisation; ImageNet's is [0.229, 0.224, 0.225]."""

    order: Literal["rgb", "bgr"] = "rgb"
    """Order in which it takes the channels: that of whoever read its training images. OpenCV and Caffe give
    blue, green, red. mean and deviation are given as red, green, blue all the same."""

    outputs: Literal["logits", "probabilities"] = "logits"
    """What the network gives. Probabilities are turned into logits, by their logarithm."""

    @field_validator("architecture")
    @classmethod
    def _known(cls, value: str) -> str:
        if value in FOREIGN:
            return value
        try:
            family_of(value)
        except ValueError as error:
            raise ValueError(f"{error}, and factory and export") from None
        return value

    @field_validator("classes")
    @classmethod
    def _several(cls, value: int | list[str] | None) -> int | list[str] | None:
        if value is not None and (value if isinstance(value, int) else len(value)) < 2:
            raise ValueError("a classifier has at least two classes")
        if isinstance(value, list) and len(set(value)) < len(value):
            raise ValueError("two classes have the same name")
        return value

    @model_validator(mode="after")
    def _one_value_a_channel(self) -> Self:
        for name in ("mean", "deviation"):
            value = getattr(self, name)
            if value is not None and len(value) != (self.channels or len(value)):
                raise ValueError(f"{name} needs {self.channels} value(s), one a channel")
            if value is not None and len(value) not in {1, 3}:
                raise ValueError(f"{name} needs one value a channel, 1 or 3 of them")
        if len({len(value) for value in (self.mean, self.deviation) if value is not None}) > 1:
            raise ValueError("mean and deviation need equally many values, one a channel")
        if self.order == "bgr" and 1 in {self.channels, len(self.mean or ()), len(self.deviation or ())}:
            raise ValueError("order: bgr is for three channels, and this network takes one")
        if self.deviation is not None and min(self.deviation) <= 0:
            raise ValueError("deviation must be positive")
        return self

    @model_validator(mode="after")
    def _trusted(self) -> Self:
        if (self.architecture == "factory") != (self.factory is not None):
            raise ValueError(
                "architecture: factory and the section factory (path, function) go together: give both"
            )
        if self.architecture in FOREIGN and not self.trust:
            what = "a program of torch.export" if self.factory is None else "your Python file"
            raise ValueError(
                f"{what} can execute any code when it is loaded, so it is refused; set trust: true if you "
                "trust whoever made it"
            )
        return self

    def found(self) -> dict[str, Fact]:
        """What the checkpoint and known files beside it say, by the names of these settings.

        Executes nothing, and needs no PyTorch. UserError where there is no checkpoint.
        """
        from proxykd.networks.stated import stated

        path = Path(self.checkpoint).expanduser()
        if not path.is_file():
            raise UserError(f"There is no checkpoint at {path}. Correct import_teacher.checkpoint.")
        return stated(path, self.architecture)

    def resolved(self) -> Self:
        """With size, channels and classes filled in, and what else is found, all of which counts for the key.

        Reads the checkpoint without executing anything in it. UserError where there is none, and for a size
        or classes that are neither given nor found.
        """
        found = {name: fact.value for name, fact in self.found().items()}
        filled = {name: found.get(name) for name in FOUND if getattr(self, name) is None}
        names = found.get("classes")
        if isinstance(names, list) and self.classes == len(names):
            filled["classes"] = names
        filled["channels"] = self.channels or self._channels(found)
        for name in ("mean", "deviation"):
            # Those of another number of channels than is given are not of this network.
            if len(filled.get(name) or ()) not in {0, filled["channels"]}:
                del filled[name]
        if self.size is None and filled["size"] is None:
            filled["size"] = _usual_size(self.architecture)
        self._check_complete(self.model_dump() | filled)
        return self.model_validate(self.model_dump() | filled)

    def _channels(self, found: dict[str, Any]) -> int:
        known = self.mean or self.deviation
        return len(known) if known else found.get("channels") or len(found.get("mean") or (0, 0, 0))

    def _check_complete(self, filled: dict[str, Any]) -> None:
        for name, example in (("size", "32"), ("classes", "10")):
            if filled[name] is None:
                raise UserError(
                    f"import_teacher.{name} is not given, and neither {self.checkpoint} nor a file beside it "
                    f"says it. Add it to import_teacher, as in {name}: {example}."
                )

    def called(self) -> str:
        """The network's name for people."""
        if self.factory is None:
            return self.checkpoint if self.architecture == "export" else self.architecture
        return f"{self.factory.file().name}:{self.factory.function}"

    def class_names(self) -> list[str]:
        """Names in the order of the outputs; the numbers where no names are given. Only once resolved."""
        assert self.classes is not None
        return [str(i) for i in range(self.classes)] if isinstance(self.classes, int) else self.classes

    def modules(self) -> list[str]:
        return [module_of(self.architecture)]

    def data(self) -> list[str]:
        return [*([self.factory.path] if self.factory else []), self.checkpoint]

    def identity(self) -> dict[str, Any]:
        # Trust decides whether there is a result, not which.
        told = {
            name: value for name, value in self.canonical().items() if name not in {"checkpoint", "trust"}
        }
        if self.factory is not None:
            # Modules beside it may import it by its name.
            told["factory"] = self.called()
        return told


FOUND = ("size", "channels", "classes", "mean", "deviation")


def _usual_size(architecture: str) -> int | None:
    from proxykd.networks.timm_defaults import timm_defaults

    return timm_defaults(architecture).get("size")

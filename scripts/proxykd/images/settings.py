"""What may be said about a set of real images in the configuration."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from proxykd.images.crop_settings import Crops, image_file
from proxykd.section import Section

SOURCE_MODULES = {
    "digits": "digits",
    "folder": "folder",
    "parquet": "parquet",
    "webdataset": "webdataset",
    "crops": "crops",
    "cifar10": "torchvision_sets",
    "cifar100": "torchvision_sets",
    "mnist": "torchvision_sets",
    "fashion_mnist": "torchvision_sets",
    "fgvc_aircraft": "torchvision_files",
    "oxford_pets": "torchvision_files",
    "eurosat": "torchvision_files",
    "food101": "torchvision_files",
    "tiny_imagenet": "tiny_imagenet",
}

HAVE_PATHS = ("folder", "parquet", "webdataset", "crops")
"""Sources that the user has somewhere, whose content counts."""

OWN_SPLITS: dict[str, tuple[str, ...]] = {
    "digits": (),
    "eurosat": (),
    **dict.fromkeys(("cifar10", "cifar100", "mnist", "fashion_mnist", "food101"), ("train", "test")),
    "fgvc_aircraft": ("trainval", "train", "val", "test"),
    "oxford_pets": ("trainval", "test"),
    "tiny_imagenet": ("train", "val"),
}
"""What the sets with a name are divided into by their authors."""

Split = Literal["train", "validation", "test"]


class ImageSet(Section):
    """A set of labelled images from outside, brought to one size and number of channels."""

    source: Literal[
        "digits", "folder", "parquet", "webdataset", "crops", "tiny_imagenet", "cifar10", "cifar100", "mnist",
        "fashion_mnist", "fgvc_aircraft", "oxford_pets", "eurosat", "food101",
    ]  # fmt: skip
    """Where the images come from. digits: scikit-learn's, bundled with it, nothing is downloaded. folder: one
    folder a class, or unlabelled images in one. parquet: as the Hugging Face hub stores image sets.
    webdataset: shards (*.tar) whose samples have a label in .cls or .json, or none; also results of ProxyKD.
    crops: random crops of one large image, unlabelled, for proxies alone. tiny_imagenet: in its authors'
    folders; its val is our test, and the classes are WordNet ids, sorted. The others are torchvision's."""

    path: str | None = None
    """The folder of `folder`, `parquet` and `webdataset`; the image of `crops`: a file, or
    scikit-learn:china.jpg or scikit-learn:flower.jpg, which that library brings along; for sets with a name
    the folder in which theirs lies, or that they are downloaded to (default: data)."""

    download: bool = False
    """Whether torchvision may download its sets where they are missing."""

    annotation: Literal["variant", "family", "manufacturer"] = "variant"
    """What the classes of fgvc_aircraft are: its 100 variants, 70 families or 30 manufacturers."""

    size: int = Field(ge=4, le=1024)
    """Height and width of the images, in pixels (4 to 1024)."""

    channels: Literal[1, 3] = 3
    """3: RGB. 1: grey (the luma of ITU-R BT.601 where the image has colour)."""

    interpolation: Literal["bilinear", "bicubic", "lanczos", "nearest", "box"] = "bicubic"
    """Pillow's filter for images of another size; all but nearest average over what they shrink."""

    fit: Literal["crop", "stretch", "pad"] = "crop"
    """How an oblong image becomes a square one. crop: its central square. stretch: the aspect ratio is lost.
    pad: with black, on both sides."""

    splits: dict[Split, str] = {}
    """Which of the source's own splits to use where names differ, for example {test: validation} for a source
    that has train and validation. A split named here is not used under its own name as well."""

    validation_share: float = Field(default=0.1, ge=0, lt=1)
    """Share of each class's train images (0 to below 1, 0: none) held out for validation, where the source
    has no such split."""

    test_share: float = Field(default=0.1, ge=0, lt=1)
    """Share of each class's train images (0 to below 1, 0: none) held out for test, where the source has no
    such split."""

    split_seed: int = 0
    """Seed of what is held out and of what `limit` keeps."""

    limit: int | None = Field(default=None, ge=1)
    """At most so many images a split, in the proportions of the classes; a lower limit keeps a part of what a
    higher one keeps. What is held out does not depend on it."""

    crops: Crops | None = None
    """How the source crops draws them."""

    classes: Literal["all", "id", "ood"] = "all"
    """Which classes are imported, for proxies. id: those that overlap with the teacher's, one being the other
    or a kind of it. ood: those that do not. By class names and WordNet; classes of which neither can be said
    are in neither."""

    division: str | None = None
    """A YAML file that says what some classes are, or all, whatever WordNet says: {id: [names], ood: [names],
    undecided: [names]}. `python scripts/divide_classes.py` writes one, with reasons."""

    def modules(self) -> list[str]:
        dividing = [] if self.classes == "all" else ["proxykd.images.division.divide"]
        return [f"proxykd.images.{SOURCE_MODULES[self.source]}", *dividing]

    def data(self) -> list[str]:
        images = [image_file(self.path)] if self.source in HAVE_PATHS and self.path is not None else []
        return [*images, self.division] if self.division is not None else images

    @model_validator(mode="after")
    def _agrees_with_source(self) -> ImageSet:
        if self.source in HAVE_PATHS and not self.path:
            what = "the image" if self.source == "crops" else "the folder that holds the images"
            raise ValueError(f"source {self.source} needs path: {what}.")
        if self.source == "digits" and self.path is not None:
            raise ValueError("source digits comes with scikit-learn and is in no folder. Leave path out.")
        if self.download and self.source == "tiny_imagenet":
            raise ValueError(
                "torchvision cannot download Tiny ImageNet. Get tiny-imagenet-200.zip from its authors, "
                "unpack it, and set path to the folder in which tiny-imagenet-200 lies."
            )
        if self.download and not SOURCE_MODULES[self.source].startswith("torchvision"):
            raise ValueError(f"download is for torchvision's sets; source {self.source} is read where it is.")
        if self.annotation != "variant" and self.source != "fgvc_aircraft":
            raise ValueError(f"annotation is for fgvc_aircraft; source {self.source} has one kind of class.")
        if (self.crops is not None) != (self.source == "crops"):
            raise ValueError("source crops, and no other, needs crops: {count: ...}, and takes them of path.")
        return self

    @model_validator(mode="after")
    def _divides_for_a_reason(self) -> ImageSet:
        if self.division is not None and self.classes == "all":
            raise ValueError("division says which classes are id and ood: set classes to one of them.")
        if self.classes != "all" and self.source == "crops":
            raise ValueError("source crops has no classes that could be id or ood. Leave classes out.")
        return self

    @model_validator(mode="after")
    def _splits_are_apart(self) -> ImageSet:
        if self.validation_share + self.test_share >= 1:
            raise ValueError(
                "validation_share and test_share add up to 1 or more: nothing is left for train."
            )
        named = set(self.splits.values())
        if len(named) < len(self.splits):
            raise ValueError("splits names one split of the source twice: its images would be in two splits.")
        if named and self.source == "crops":
            raise ValueError("source crops has no splits. Leave splits out.")
        if not named or self.source not in OWN_SPLITS:
            return self
        theirs = OWN_SPLITS[self.source]
        if not theirs:
            raise ValueError(
                f"source {self.source} has no splits of its own. Leave splits out and set the shares."
            )
        if strange := sorted(named - set(theirs)):
            raise ValueError(
                f"splits: {self.source} has only {' and '.join(theirs)}, not {', '.join(strange)}."
            )
        if "trainval" in named and named & {"train", "val"}:
            raise ValueError("splits: trainval is train and val together: its images would be in two splits.")
        return self


class ImportImages(ImageSet):
    """The settings of one stage: one split of one set."""

    split: Split
    """The split that is imported."""

    def identity(self) -> dict[str, Any]:
        """What counts for the key: everything except where the images lie and how they came there.

        The content of `HAVE_PATHS` and of a division counts by digest (`data()`), a set with a name by its
        name: when it is read, it is compared with the official checksums, or where there are none with the
        official numbers.
        """
        places = ("path", "download", "division")
        return {name: value for name, value in self.canonical().items() if name not in places}

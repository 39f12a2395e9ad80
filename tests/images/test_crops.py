"""Crops of one large image: which boxes, what they show, and a sentence for what cannot be cropped."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from proxykd.errors import UserError
from proxykd.images import crops
from proxykd.images.crop_settings import Crops
from proxykd.images.imported import Imported
from proxykd.images.settings import ImageSet, ImportImages

CHINA = "scikit-learn:china.jpg"
STILL = {"rotation": 0, "shear": 0}


def read(path: Path | str, count: int = 20, split: str = "train", **given: object) -> Imported:
    mine = {name: given.pop(name) for name in list(given) if name in Crops.model_fields}
    settings = {"source": "crops", "path": str(path), "size": 32, "split": split, **given}
    return crops.read(ImportImages(**settings, crops={"count": count, **mine}), lambda _: None)


def painted(path: Path, width: int, height: int) -> Path:
    """Red tells the column, green the row, blue is constant."""
    x, y = np.linspace(0, 255, width), np.linspace(0, 255, height)
    pixels = np.stack(
        [np.tile(x, (height, 1)), np.tile(y[:, None], (1, width)), np.full((height, width), 77)]
    )
    Image.fromarray(pixels.transpose(1, 2, 0).round().astype(np.uint8)).save(path)
    return path


def test_a_bundled_photograph_is_cropped() -> None:
    found = read(CHINA, 50)
    assert found.images_NHWC.shape == (50, 32, 32, 3)
    assert (found.labels, found.classes) == ([0] * 50, ["unlabelled"])
    assert len(set(found.origins)) == 50
    assert len(np.unique(found.images_NHWC.reshape(50, -1), axis=0)) == 50
    assert read(CHINA, 3, channels=1).images_NHWC.shape == (3, 32, 32, 1)


def test_crops_are_the_same_twice_and_more_begin_with_the_same() -> None:
    once, again, more = read(CHINA, 20), read(CHINA, 20), read(CHINA, 40)
    assert np.array_equal(once.images_NHWC, again.images_NHWC)
    assert np.array_equal(once.images_NHWC, more.images_NHWC[:20])
    assert read(CHINA, 40, limit=20).origins == once.origins
    assert read(CHINA, 20, seed=1).origins != once.origins


def test_the_boxes_are_fixed_for_all_time() -> None:
    """Changed values here mean that people's crops are others now."""
    drawn = [str(crops.draw(Crops(count=2, seed=3), index, (1000, 600))) for index in range(2)]
    assert drawn == ["207.3,225.5,116.2,134.0/16.8/29.5", "531.5,255.4,105.7,108.3/20.8/-4.1"]


def test_boxes_are_spread_over_the_image_and_within_what_was_asked() -> None:
    asked = Crops(count=1, area=(0.1, 0.5), aspect=(0.5, 2), rotation=20, shear=10)
    drawn = [crops.draw(asked, index, (900, 400)) for index in range(4000)]
    shares = np.array([crop.width * crop.height / 200**2 for crop in drawn])
    ratios = np.array([crop.width / crop.height for crop in drawn])
    assert 0.1 <= shares.min() < 0.11
    assert 0.49 < shares.max() <= 0.5
    assert 0.5 <= ratios.min() < 0.52
    assert 1.9 < ratios.max() <= 2
    assert abs(np.log(ratios).mean()) < 0.02
    assert min(crop.left for crop in drawn) >= 0
    assert max(crop.left + crop.width for crop in drawn) <= 900
    assert max(crop.top + crop.height for crop in drawn) <= 400
    middles = np.histogram([crop.left + crop.width / 2 for crop in drawn], 3, (0, 900))[0]
    assert middles.min() > 1000
    angles = np.array([(crop.rotation, crop.shear) for crop in drawn])
    assert (np.abs(angles).max(0) < (20, 10)).all()
    assert (np.abs(angles).max(0) > (19.9, 9.9)).all()


@pytest.mark.parametrize("size", [32, 33])
def test_a_still_crop_shows_the_middle_of_its_box(tmp_path: Path, size: int) -> None:
    """Also where a smaller copy of the image is cropped, and where a crop is enlarged."""
    file = painted(tmp_path / "ramp.png", 1600, 1200)
    found = read(file, 60, size=size, **STILL)
    for image_HWC, origin in zip(found.images_NHWC.astype(float), found.origins, strict=True):
        left, top, width, height = map(float, origin.split("/")[1].split(","))
        red, green = 255 * (left + width / 2) / 1600, 255 * (top + height / 2) / 1200
        assert np.abs(image_HWC.mean((0, 1)) - (red, green, 77)).max() < 1
        inner = size / (size + 2 * round((crops.MARGIN - 1) * size / 2))
        across = image_HWC[:, -1, 0].mean() - image_HWC[:, 0, 0].mean()
        assert abs(across - 255 * width / 1600 * inner * (size - 1) / size) < 1.5


def test_a_turned_crop_is_turned_about_its_middle(tmp_path: Path) -> None:
    file = painted(tmp_path / "ramp.png", 1000, 1000)
    found = read(file, 40, area=(0.3, 0.3), aspect=(1, 1), rotation=40, shear=0)
    for image_HWC, origin in zip(found.images_NHWC.astype(float), found.origins, strict=True):
        red, green = image_HWC[..., 0], image_HWC[..., 1]
        turn = float(origin.split("/")[2])
        # The direction in which red grows is the image's x axis as the crop sees it.
        across = (red[:, -1] - red[:, 0]).mean(), (red[-1] - red[0]).mean()
        assert abs(math.degrees(math.atan2(across[1], across[0])) + turn) < 2
        assert abs(red.mean() - green.mean()) < 255
        assert (image_HWC[..., 2] == 77).all()


def test_sheared_crops_stay_mostly_inside() -> None:
    black = (read(CHINA, 300).images_NHWC == 0).all(3).mean()
    assert black < 0.05


def test_orientation_and_mode_are_those_of_any_image(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    wide = Image.open(painted(tmp_path / "ramp.png", 400, 100)).convert("CMYK")
    wide.save(tmp_path / "turned.tif", exif=exif)
    found = read(tmp_path / "turned.tif", 200, window=1, **STILL)
    tops = [float(origin.split("/")[1].split(",")[1]) for origin in found.origins]
    assert max(tops) > 200


def test_a_picture_of_a_hundred_megapixels(tmp_path: Path) -> None:
    file = tmp_path / "large.png"
    Image.new("L", (10_000, 10_000), 90).save(file)
    found = read(file, 4, **STILL)
    assert (found.images_NHWC == 90).all()


def test_what_cannot_be_cropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"There is no file .*absent.jpg"):
        read(tmp_path / "absent.jpg")
    with pytest.raises(UserError, match=r"There is no file .*tree.jpg"):
        read("scikit-learn:tree.jpg")
    (tmp_path / "page.jpg").write_text("<html>404</html>")
    with pytest.raises(UserError, match=r"page.jpg cannot be read: it is no image of a known format"):
        read(tmp_path / "page.jpg")
    Image.new("L", (500, 10)).save(tmp_path / "flat.png")
    with pytest.raises(UserError, match=r"has 500 x 10 pixels, and crops need 16"):
        read(tmp_path / "flat.png")
    monkeypatch.setattr(crops, "LARGEST", 1000)
    with pytest.raises(UserError, match="exceeds limit"):
        read(painted(tmp_path / "ramp.png", 40, 40))
    assert Image.MAX_IMAGE_PIXELS is not None
    assert Image.MAX_IMAGE_PIXELS > 1000


@pytest.mark.parametrize("split", ["validation", "test"])
def test_there_is_nothing_to_hold_out(split: str) -> None:
    with pytest.raises(UserError, match=f"Crops of one image have no {split} split"):
        read(CHINA, split=split)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"source": "crops", "crops": {"count": 5}}, "needs path: the image"),
        ({"source": "crops", "path": "a.jpg"}, "needs crops"),
        ({"source": "folder", "path": "a", "crops": {"count": 5}}, "and no other, needs crops"),
        ({"source": "crops", "path": "a", "crops": {"count": 5}, "splits": {"test": "a"}}, "has no splits"),
        (
            {"source": "crops", "path": "a", "crops": {"count": 5, "area": (0.5, 0.2)}},
            "least and the greatest",
        ),
        ({"source": "crops", "path": "a", "crops": {"count": 5, "area": (1, 1)}}, "does not fit the window"),
        ({"source": "crops", "path": "a", "crops": {"count": 5, "aspect": (0, 2)}}, "width over height"),
        ({"source": "crops", "path": "a", "crops": {"count": 5}, "download": True}, "torchvision's sets"),
    ],
)
def test_settings_that_cannot_be_meant(given: dict, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        ImageSet(size=32, **given)


def test_the_image_counts_by_content_wherever_it_is() -> None:
    mine = ImportImages(source="crops", path=CHINA, size=32, split="train", crops={"count": 5})
    (file,) = mine.data()
    assert Path(file).is_file()
    assert mine.identity() == mine.model_copy(update={"path": file}).identity()
    assert mine.identity() != mine.model_copy(update={"crops": Crops(count=6)}).identity()

import numpy as np
import pytest
from PIL import Image

from lenet.errors import UserError
from lenet.prediction import drawing

ANSWER = drawing.Answer(np.full((32, 32), 77, np.uint8), "4  99.5 %", True)


def _write(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (30, 20), 100).save(path)
    return str(path)


def test_targets_keep_the_folders_and_never_meet(tmp_path):
    names = ["in/a.png", "in/a.jpg", "in/b/a.png", "other/a.png"]
    paths = [_write(tmp_path / name) for name in names]
    targets = drawing.targets(str(tmp_path / "out"), paths)
    assert targets == {
        path: tmp_path / "out" / f"{name}.png" for path, name in zip(paths, names, strict=True)
    }
    single = drawing.targets(str(tmp_path / "out"), paths[2:3])
    assert list(single.values()) == [tmp_path / "out" / "a.png.png"]


def test_only_pictures_of_predict_are_replaced(tmp_path):
    name = _write(tmp_path / "in" / "a.png")
    (target,) = drawing.targets(str(tmp_path / "out"), [name]).values()
    planes = [np.full((20, 30), 100, np.uint8)]
    for count in (1, 8):
        drawing.draw(target, planes, [ANSWER] * count)
        with Image.open(target) as image:
            assert image.getpixel((100, 100)) == (100, 100, 100)
            assert image.width == 480 + 160 * min(count, 6) + 32
            assert image.height == (352 if count == 1 else 416)
        assert drawing.targets(str(tmp_path / "out"), [name]) == {name: target}
    _write(target)
    with pytest.raises(UserError, match=r"a\.png\.png is no picture of predict; choose another"):
        drawing.targets(str(tmp_path / "out"), [name])
    with pytest.raises(UserError, match=r"in holds .*in/a\.png; choose another folder"):
        drawing.targets(str(tmp_path / "in"), [name])


def test_each_digit_is_beside_the_picture_with_its_answer(tmp_path):
    answers = [ANSWER, ANSWER._replace(certain=False)]
    colour = [np.full((20, 30), level, np.uint8) for level in (0, 200, 10, 20)]
    drawing.draw(tmp_path / "new" / "a.png", colour, answers)
    with Image.open(tmp_path / "new" / "a.png") as image:
        assert image.getpixel((100, 100)) == (200, 10, 20)
        for left, tint in ((512, (31, 95, 168)), (672, (200, 80, 10))):
            assert image.getpixel((left + 70, 120)) == (77, 77, 77)
            caption = np.asarray(image)[16:56, left : left + 144]
            assert (caption == tint).all(axis=-1).any()

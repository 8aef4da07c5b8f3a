"""The picture of the shapes in the README."""

from plots import PICTURE, curves, fingerprint


def test_the_picture_shows_the_shapes_as_they_are() -> None:
    assert fingerprint(curves()) in PICTURE.read_text()

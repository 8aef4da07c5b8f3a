"""The picture of the shapes in the README."""

from shapes import SHAPES

from tools.shapes_picture import PICTURE, PROJECT, curves, fingerprint


def test_the_picture_shows_the_shapes_as_they_are() -> None:
    assert fingerprint(curves()) in PICTURE.read_text()


def test_the_readme_asks_the_questions_of_the_shapes() -> None:
    readme = (PROJECT / "README.md").read_text()
    for name, shape in SHAPES.items():
        question = (shape.__doc__ or "").partition("?")[0]
        assert f"| `{name}` | {question}? |" in readme

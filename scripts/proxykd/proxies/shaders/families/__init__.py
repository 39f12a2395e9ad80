"""One module a family, each with `write(sketch)`; `palette.py` and `pen.py` serve several of them."""

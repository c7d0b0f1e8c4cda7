"""Makes a page on which joints are dragged: python -m pgjax.tools.page --model MODEL --out DIR

    pgjax page --model=runs/demo/export --out=page --serve

The page shows a photo, and draws its person anew while the joints are moved. Browsers do all the work; they
ask no other host, and no photo leaves them. The folder is static: any web server can give it to browsers.
--serve gives it to those of this machine; without --model it is a page that was made before. docs/page.md
describes the page.
"""

import sys

from pgjax.data import DATA_DIR
from pgjax.errors import InputError
from pgjax.files import paths
from pgjax.frozen.weights import Params
from pgjax.tools import cli, extension_flag
from pgjax.tools.asked_poses import say


def main(argv: list[str] | None = None) -> None:
    parser = cli.ArgumentParser(
        prog="python -m pgjax.tools.page",
        description="Make a page where the person of a photo is re-posed by dragging joints, in a browser "
        "alone (docs/page.md).",
    )
    add = parser.add_argument
    add("--model", metavar="MODEL", help="exported model, or an .onnx file of pgjax export --onnx")
    add("--out", metavar="DIR", required=True, help="folder of the page")
    add("--serve", action="store_true", help="serve it to the browsers of this machine")
    add("--port", type=int, help="of --serve; 0: any that is free (default: 8000)")
    add(
        "--data_dir",
        metavar="DIR",
        default=DATA_DIR,
        help="ONNX Runtime for browsers is read from it, or fetched into it (default: %(default)s)",
    )
    add(
        "--runtime",
        metavar="FILE",
        help="the npm package of ONNX Runtime for browsers, if it was fetched by other means",
    )
    add(
        "--estimator_model",
        metavar="PATH",
        help="weights of the built-in estimator, as --model of pgjax keypoints (default: DIR/weights of "
        "--data_dir, or downloaded into it)",
    )
    add("--no_estimator", action="store_true", help="the page does not find joints in photos")
    extension_flag.add(parser)
    arguments = parser.parse_args(argv)
    if arguments.port is not None and not arguments.serve:
        raise InputError("--port: goes with --serve alone")
    if arguments.model is None:
        for option in ("runtime", "estimator_model", "no_estimator"):
            if getattr(arguments, option):
                raise InputError(f"--{option}: goes with --model alone")
    if arguments.no_estimator and arguments.estimator_model is not None:
        raise InputError("--no_estimator: goes without --estimator_model")
    if arguments.model is None and not arguments.serve:
        raise InputError(
            "--model: missing; expected an exported model, or --serve for a page that is there"
        )

    from pgjax.serving.page import server, site
    from pgjax.serving.portable import interface

    port = 8000 if arguments.port is None else arguments.port
    server.check(port)
    folder = paths.local(arguments.out)
    if arguments.model is not None:
        site.check_free(folder)
        if not paths.of(arguments.model).exists():
            raise FileNotFoundError(f"{arguments.model}: no such model")
        interface.check_installed("onnx", "onnxruntime")
        weights = None if arguments.no_estimator else _weights(arguments)
        site.write(folder, arguments.model, arguments.data_dir, arguments.runtime, weights)
    site.check(folder)
    print(folder / site.PAGE)
    if not arguments.serve:
        return
    with server.listen(folder, port) as listening:
        print(f"http://{server.HOST}:{listening.server_port}/", flush=True)
        print(f"serving {folder} to this machine; Ctrl-C ends", file=sys.stderr, flush=True)
        listening.serve_forever()


def _weights(arguments) -> Params | None:
    """Of the estimator; a warning says why the page has none."""
    from pgjax.frozen import openpose_weights
    from pgjax.tools import keypoints

    place = keypoints.model_of(arguments.estimator_model, arguments.data_dir)
    try:
        return openpose_weights.fixed(openpose_weights.load(place))
    except InputError as error:
        if arguments.estimator_model is not None:
            raise
        say(f"the page will not find joints in photos: {error}")
        return None


if __name__ == "__main__":
    cli.run(main)

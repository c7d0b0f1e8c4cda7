"""Makes, serves or scores a study with people: python -m pgjax.tools.userstudy make|serve|score STUDY ...

    make STUDY --real DIR --generated DIR       which pictures do people take for real? (Ma et al. 2017, 4.4)
    make STUDY --generated DIR --against DIR    which of two systems do people prefer?
    serve STUDY                                 gives participants the page and keeps their answers
    score STUDY [ANSWERS ...]                   R2G and G2R, or preferences, on standard output

STUDY is a new folder. STUDY/site is all that participants may see; STUDY/key.json tells what the pictures
are. ANSWERS are files that participants saved, or folders of them; STUDY/answers.sqlite, which serve writes,
is read too. With --dataset the real pictures are its photos, and folders of pictures are read as evaluate.py
--images reads them.
"""

import ipaddress
import json
import re
import secrets
import sys

from pgjax.data import DATA_DIR
from pgjax.errors import InputError
from pgjax.files import paths
from pgjax.scoring.userstudy import collection, drawing, pools, scores, studies
from pgjax.tools import cli, extension_flag

ACTIONS = ("make", "serve", "score")
MADE = ("real", "generated", "against", "dataset", "data_dir", "pairs", "naming")
MADE += ("count", "practice", "seconds", "size", "question", "seed")
OF = dict.fromkeys(MADE, "make") | {
    "host": "serve",
    "port": "serve",
    "partial": "score",
    "out": "score",
}


def make(arguments) -> None:
    """Writes the study that the arguments describe."""
    seed = secrets.randbits(63) if arguments.seed is None else arguments.seed
    draw = drawing.Draw(seed)
    count = studies.COUNT if arguments.count is None else arguments.count
    practice = studies.PRACTICE if arguments.practice is None else arguments.practice
    if count < 1 or practice < 0:
        raise InputError("--count, --practice: expected 1 and 0 or more")
    if arguments.seconds is not None and not 0 <= arguments.seconds <= studies.LONGEST:
        raise InputError(f"--seconds: expected a number from 0 to {studies.LONGEST}")
    size = None if arguments.size is None else _size(arguments.size)
    if arguments.generated is None:
        raise InputError("--generated: missing; expected a folder of generated pictures")
    named = [pools.read_folder(arguments.generated)]
    if arguments.against is not None:
        named.append(pools.read_folder(arguments.against))
        if named[0][0] == named[1][0]:
            raise InputError("--generated and --against: two systems of one name; give TITLE=DIR")
        if arguments.real is not None:
            raise InputError("--real: does not go with --against, which compares two systems")
    real, drawn = _pools(arguments, dict(named))
    if arguments.against is not None:
        kind = studies.PREFERENCE
        shared = pools.of_both(drawn[0], drawn[1])
        titles = [pool.title for pool in drawn]
        trials = drawing.preference(titles[0], titles[1], shared, count, draw)
        of = {pool.title: pool for pool in drawn}
    else:
        assert real is not None
        kind = studies.REAL_OR_GENERATED
        trials = drawing.real_or_generated(real, drawn[0], count, draw)
        of = {drawing.REAL: real, drawing.GENERATED: drawn[0]}
    study = studies.write(
        arguments.study,
        kind,
        trials,
        of,
        draw,
        seed,
        practice,
        arguments.seconds,
        size,
        arguments.question,
    )
    counted = len(trials) - practice
    print(
        f"{study.folder}: {len(trials)} trials, of which {counted} count, from seed {seed}; "
        f"participants may see {study.folder / studies.SITE} alone",
        file=sys.stderr,
    )
    print(study.folder / studies.SITE / "index.html")


def _pools(arguments, named) -> tuple[pools.Pool | None, list[pools.Pool]]:
    """The real pictures where they are asked for, and what systems drew."""
    if arguments.dataset is None:
        for flag in ("data_dir", "pairs", "naming"):
            if getattr(arguments, flag) is not None:
                raise InputError(f"--{flag}: goes with --dataset alone")
        if arguments.real is None and arguments.against is None:
            raise InputError(
                "--real: missing; expected a folder of photos, or --dataset, or --against for a study of "
                "preferences"
            )
        drawn = [pools.of_folder(folder, title) for title, folder in named.items()]
        real = None if arguments.real is None else pools.of_folder(arguments.real, arguments.real)
        return real, drawn
    data_dir = DATA_DIR if arguments.data_dir is None else arguments.data_dir
    real, drawn = pools.of_dataset(
        arguments.dataset, data_dir, named, arguments.pairs, arguments.naming
    )
    if arguments.real is not None:
        real = pools.of_folder(arguments.real, arguments.real)
    return real, drawn


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text)
    if found is None:
        raise InputError(f"--size: expected HEIGHTxWIDTH, such as 256x176, not {text!r}")
    return int(found[1]), int(found[2])


def serve(arguments) -> None:
    """Serves a study until it is told to end."""
    try:
        from pgjax.scoring.userstudy import server
    except ModuleNotFoundError as error:
        raise InputError(
            f"userstudy serve: needs {str(error.name).partition('.')[0]}; install pgjax[study]"
        ) from None
    study = studies.read(arguments.study)
    studies.check_site(study)
    store = collection.Store(study)
    host = "127.0.0.1" if arguments.host is None else arguments.host
    with server.listen(host, 8000 if arguments.port is None else arguments.port) as listening:
        if not _loopback(listening.getsockname()[0]):
            print(
                "warning: other machines reach this server, and nothing is encrypted; put a server with "
                "HTTPS before it",
                file=sys.stderr,
            )
        place = f"[{host}]" if ":" in host else host
        print(f"http://{place}:{listening.getsockname()[1]}/", flush=True)
        print(f"{store.path}: {store.read().told(study)}; Ctrl-C ends", file=sys.stderr, flush=True)
        try:
            server.serve(study, store, listening)
        finally:
            print(f"{store.path}: {store.read().told(study)}", file=sys.stderr, flush=True)


def _loopback(host: str) -> bool:
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback


def score(arguments) -> None:
    """Prints the scores of what was collected, and of the files that are named."""
    study = studies.read(arguments.study)
    collected = collection.Collected({}, 0, {})
    if (study.folder / collection.FILE).exists():
        collected = collection.Store(study).read()
    elif not arguments.answers:
        raise InputError(
            f"{study.folder}: no {collection.FILE}, which serve writes; name files of answers, or folders"
        )
    collected = collection.with_files(collected, study, arguments.answers)
    result = scores.score(study, collected, arguments.partial)
    print(f"{study.folder}: {collected.told(study)}", file=sys.stderr)
    if not result["persons"]:
        raise InputError(
            f"{study.folder}: nobody has answered all trials (--partial counts others)"
        )
    print(scores.table(result))
    if arguments.out is not None:
        paths.write_text(paths.of(arguments.out), json.dumps(result, indent=1) + "\n")


def main(argv: list[str] | None = None) -> None:
    parser = cli.ArgumentParser(
        prog="python -m pgjax.tools.userstudy",
        description="Make, serve or score a study with people (docs/user_study.md).",
    )
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("study", metavar="STUDY", help="folder of the study")
    parser.add_argument("answers", metavar="ANSWERS", nargs="*", help="of score: saved answers")
    group = parser.add_argument_group("make")
    group.add_argument("--real", metavar="DIR", help="folder of photos")
    group.add_argument(
        "--generated", metavar="DIR", help="folder of generated pictures, or TITLE=DIR"
    )
    group.add_argument(
        "--against",
        metavar="DIR",
        help="those of another system, under the same names: which of the two do people prefer?",
    )
    group.add_argument("--dataset", help="the pictures are of its test pairs")
    group.add_argument(
        "--data_dir", metavar="DIR", help=f"folder of built data sets (default: {DATA_DIR})"
    )
    group.add_argument("--pairs", metavar="FILE", help="CSV from,to (default: its test pairs)")
    group.add_argument(
        "--naming", metavar="SYSTEM", help="whose pictures they are (default: told by the pictures)"
    )
    group.add_argument(
        "--count",
        type=int,
        help=f"real pictures, and as many generated ones; or pairs (default: {studies.COUNT})",
    )
    group.add_argument(
        "--practice",
        type=int,
        help=f"trials at the beginning that do not count (default: {studies.PRACTICE})",
    )
    group.add_argument(
        "--seconds",
        type=float,
        help="how long pictures are shown, 0: until the answer (default: 1; with --against 0)",
    )
    group.add_argument(
        "--size",
        metavar="HxW",
        help="height x width of all pictures: the middle is cut out and resized",
    )
    group.add_argument("--question", metavar="TEXT", help="another question, in your language")
    group.add_argument("--seed", type=int, help="of all that is random (default: a new one)")
    group = parser.add_argument_group("serve")
    group.add_argument(
        "--host", help="address to listen on (default: 127.0.0.1, this machine alone)"
    )
    group.add_argument("--port", type=int, help="0: any that is free (default: 8000)")
    group = parser.add_argument_group("score")
    group.add_argument(
        "--partial", action="store_true", help="also count persons who have not answered all trials"
    )
    group.add_argument("--out", metavar="FILE", help="also write the scores as JSON")
    extension_flag.add(parser)
    arguments = parser.parse_args(argv)
    for flag, action in OF.items():
        if getattr(arguments, flag) not in (None, False) and action != arguments.action:
            raise InputError(f"--{flag}: belongs to userstudy {action}")
    if arguments.answers and arguments.action != "score":
        raise InputError(f"{arguments.answers[0]}: only score takes files of answers")
    {"make": make, "serve": serve, "score": score}[arguments.action](arguments)


if __name__ == "__main__":
    cli.run(main)

"""``serve`` and ``server``: the web service, and what its operators do from a terminal."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.cli.common import CourseOption, ExecutorOption, JobsOption, StateOption, StoreOption, command, err, out

if TYPE_CHECKING:
    from grader.server.service import Service

app = typer.Typer(
    name="server", help="Look after the web service: sign-in links, graders on further machines.", no_args_is_help=True
)

ProfilesOption = Annotated[
    str,
    typer.Option(
        "--profile", metavar="NAMES", help="budgets to grade under; each assignment uses the first one that it has"
    ),
]
WarmOption = Annotated[
    int | None, typer.Option("--warm", min=1, help="executors that are kept warm (default: two more than --jobs)")
]


@command
def serve(
    host: Annotated[
        str, typer.Option("--host", help="address to listen on; only this machine by default")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="port to listen on")] = 8000,
    jobs: JobsOption = None,
    warm: WarmOption = None,
    grading: Annotated[bool, typer.Option("--grading/--no-grading", help="also grade on this machine")] = True,
    demo: Annotated[bool, typer.Option("--demo", help="serve a made-up class, and print sign-in links")] = False,
    executor: ExecutorOption = "local",
    profile: ProfilesOption = "cpu",
    course: CourseOption = None,
    state: StateOption = None,
    database: StoreOption = None,
) -> None:
    """Run the course as a web service: students hand in and watch grading, staff look after the class."""
    from grader.course import load_course
    from grader.grading import default_slots
    from grader.server.serving import Options
    from grader.server.serving import serve as run
    from grader.store import open_store

    loaded = load_course(course)
    lanes = (jobs or default_slots()) if grading else 0
    options = Options(host, port, lanes, warm, executor, profile)
    if demo and state is None and database is None:
        state = Path("build/serve/state")
    store = open_store(loaded, state, database)
    if demo:
        from grader.demo import open_class

        open_class(loaded, store)

    def ready(service: Service) -> None:
        address = service.course.server.url or options.address
        out.print(f"{service.course.name}: {address}", markup=False)
        if not list(service.directory):
            err.print("nobody can sign in: there is neither a roster nor `server.staff` in autograde.yml")
        if demo:
            _print_links(service, address)

    run(loaded, store, options, ready=ready)


def _print_links(service: Service, address: str) -> None:
    from grader.server.sign_in import PRINTED_LINK, link_for

    people = list(service.directory)
    shown = [person for person in people if person.staff] + [person for person in people if not person.staff][-3:]
    for person in shown:
        out.print(
            f"  {person.role:10} {person.name:22} {link_for(service, person, PRINTED_LINK, address)}",
            markup=False,
            soft_wrap=True,
        )


@command
def link(
    who: Annotated[
        list[str],
        typer.Argument(metavar="WHO", help="ids or e-mail addresses of students or staff; `all` for everybody"),
    ],
    hours: Annotated[float, typer.Option("--hours", min=0.1, max=24 * 60, help="how long the links work")] = 24 * 7,
    url: Annotated[str, typer.Option("--url", help="the service's address, if autograde.yml does not have it")] = "",
    course: CourseOption = None,
    state: StateOption = None,
    database: StoreOption = None,
) -> None:
    """Print sign-in links; each works once."""
    from grader.course import load_course
    from grader.errors import UsageError
    from grader.server.directory import Directory
    from grader.server.web_data import WebData
    from grader.store import open_store

    loaded = load_course(course)
    directory = Directory(loaded)
    people = list(directory) if who == ["all"] else []
    for text in who if not people else []:
        person = directory.find(text)
        if person is None:
            raise UsageError(
                f"nobody is called {text!r}",
                where=loaded.path,
                fix="give an id or an e-mail of `roster` or `server.staff`",
            )
        people.append(person)
    data = WebData(open_store(loaded, state, database))
    address = (url or loaded.server.url or "http://127.0.0.1:8000").rstrip("/")
    for person in people:
        secret = data.make_link(person.id, timedelta(hours=hours))
        out.print(f"{person.id}\t{address}/sign-in/{secret}", markup=False, soft_wrap=True)


@command
def work(
    jobs: JobsOption = None,
    warm: WarmOption = None,
    executor: ExecutorOption = "local",
    profile: ProfilesOption = "cpu",
    course: CourseOption = None,
    state: StateOption = None,
    database: StoreOption = None,
) -> None:
    """Grade for a web service that runs elsewhere and shares the store, until Ctrl-C or SIGTERM."""
    import signal

    from grader.course import load_course
    from grader.grading import default_slots
    from grader.server.dispatcher import Dispatcher
    from grader.server.log_lines import log_as_json
    from grader.server.profiles import profile_chooser
    from grader.store import open_store

    log_as_json()
    loaded = load_course(course)
    store = open_store(loaded, state, database)
    dispatcher = Dispatcher(
        loaded, store, lanes=jobs or default_slots(), warm=warm, profile=profile_chooser(profile), executor=executor
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: dispatcher.stop())
    dispatcher.run()


app.command("link")(link)
app.command("work")(work)

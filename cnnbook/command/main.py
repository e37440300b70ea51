"""The command `cnnbook`: look at this machine, get data, copy files, make the book.

Each command imports what is heavy when it runs, so that `--help` is quick.
"""

import codecs
import io
import os
import signal
import sys

try:
    import typer

    from cnnbook.command._say import fail
    from cnnbook.command._stop import SIGNALS, backend_fault, catch_signals, is_debugging, one_line
    from cnnbook.command.book import bind_book
    from cnnbook.command.claims import print_claims
    from cnnbook.command.copy import copy_files
    from cnnbook.command.data import list_data, verify_data
    from cnnbook.command.doctor import show_machine
    from cnnbook.command.models import list_models, show_summary
    from cnnbook.command.pdf import print_book
    from cnnbook.command.prepare import prepare_data
    from cnnbook.command.serve import serve_networks
    from cnnbook.command.study import do_study
    from cnnbook.command.train import train_together
except KeyboardInterrupt:  # there is nothing to tidy yet
    print("Stopped by Ctrl-C.", file=sys.stderr)
    raise SystemExit(130) from None
except ModuleNotFoundError as error:
    if error.name != "typer":
        raise
    raise SystemExit("The command cnnbook needs typer: pip install 'cnnbook[cli]'") from None

app = typer.Typer(
    help="A book on convolutional neural networks that runs.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # rich would double the time of --help
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("doctor")(show_machine)
data_app = typer.Typer(help="List, prepare and verify the data sets.", no_args_is_help=True)
app.add_typer(data_app, name="data")
data_app.command("list")(list_data)
data_app.command("prepare")(prepare_data)
data_app.command("verify")(verify_data)
app.command("models")(list_models)
app.command("summary")(show_summary)
app.command("copy")(copy_files)
app.command("serve")(serve_networks)
app.command("book")(bind_book)
app.command("pdf")(print_book)
app.command("claims")(print_claims)
app.command("study")(do_study)
app.command("train")(train_together)
unwritten: set[str] = set()  # encodings that lack a sign


def _escaped(error: UnicodeError) -> tuple[str | bytes, int]:
    """Write a sign that a code page lacks by its number; a line at the end says so."""
    if isinstance(error, UnicodeEncodeError) and error.encoding != "utf-8":
        unwritten.add(getattr(sys.stdout, "encoding", error.encoding))
    return codecs.backslashreplace_errors(error)


def main() -> None:
    """Run the command line. What ends it early is one line: a signal (130, 143, 129), an error."""
    codecs.register_error("escaped", _escaped)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="escaped")
    came, status = catch_signals(), 0
    try:
        app(color=False if os.environ.get("NO_COLOR") else None)
    except KeyboardInterrupt:
        status = 130
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(bool(end.code))
    except Exception as error:
        if is_debugging():
            raise
        status = 0 if came else fail(backend_fault() or one_line(error)).exit_code
    if came:
        signal.signal(came[0], signal.SIG_IGN)  # its like would cut short how Python ends
        status = 128 + came[0]
        fail(f"Stopped by {SIGNALS[came[0].name]}.")
    if unwritten:
        words = "stand as \\uXXXX. Set PYTHONIOENCODING=utf-8 to see them"
        fail(f"Signs that cannot be written in {', '.join(unwritten)} {words}.")
    try:
        print(end="", flush=True)
    except OSError:  # a full disk, a closed pipe: what is left would be tried once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(status)

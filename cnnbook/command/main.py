"""The command `cnnbook`: look at this machine, get data, copy files, make the book.

Each command imports what is heavy when it runs, so that `--help` is quick.
"""

try:
    import typer
except ModuleNotFoundError:
    raise SystemExit("The command cnnbook needs typer: pip install 'cnnbook[cli]'") from None

from cnnbook.command.book import bind_book
from cnnbook.command.claims import print_claims
from cnnbook.command.copy import copy_files
from cnnbook.command.data import list_data, verify_data
from cnnbook.command.doctor import show_machine
from cnnbook.command.models import list_models, show_summary
from cnnbook.command.prepare import prepare_data

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
app.command("book")(bind_book)
app.command("claims")(print_claims)


def main() -> None:
    """Run the command line."""
    app()

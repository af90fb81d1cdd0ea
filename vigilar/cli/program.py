"""The program ``vigilar``: its commands, and how errors reach a person."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from vigilar import __version__
from vigilar.base.errors import ExitCode, VigilarError
from vigilar.base.redact import redact
from vigilar.cli.lazy import LazyGroup, Lines
from vigilar.cli.options import Asked

COMMANDS: Lines = {
    "start": ("vigilar.cli.start:start", "Run Vigilar until Ctrl-C."),
    "demo": ("vigilar.cli.demo:demo", "Try Vigilar with made-up cameras, or with yours."),
    "status": ("vigilar.cli.status:status", "Is it running, and does every camera record?"),
    "doctor": ("vigilar.cli.doctor.command:doctor", "Look at everything on this box, and say what to do."),
    "support-bundle": ("vigilar.cli.support_bundle:support_bundle", "A file for who helps you, without secrets."),
    "reload": ("vigilar.cli.reload:reload", "Make the running service read its settings again."),
    "camera": ("vigilar.cli.camera:camera", "Add, list, test and remove cameras."),
    "setup": ("vigilar.cli.setup:setup", "The code for the first login from another machine."),
    "arm": ("vigilar.cli.arm:arm", "Arm the house: home, night or away."),
    "disarm": ("vigilar.cli.arm:disarm", "Disarm the house, with a PIN."),
    "state": ("vigilar.cli.arm:state", "Is the house armed, since when and by whom?"),
    "pin": ("vigilar.cli.arm:pin", "The PINs with which members disarm."),
    "ups": ("vigilar.cli.ups:ups", "Mains or battery, and what happens in a power cut."),
    "sensors": ("vigilar.cli.sensors:sensors", "Contacts, motion sensors and the like."),
    "home-assistant": ("vigilar.cli.home_assistant:home_assistant", "What Home Assistant sees, and its password."),
    "pets": ("vigilar.cli.pets:pets", "Cats and dogs of the house: where each was seen last."),
    "user": ("vigilar.cli.user:user", "Who may sign in, and what they see."),
    "certificate": ("vigilar.cli.certificate:certificate", "How phones and computers know that it is your house."),
    "events": ("vigilar.cli.events:events", "List what happened, or watch it happen."),
    "wildlife": ("vigilar.cli.wildlife:wildlife", "Which animals came by, and when."),
    "notify": ("vigilar.cli.notify:notify", "Why somebody was told of an event, or not; test each way."),
    "storage": ("vigilar.cli.storage:storage", "What recordings take, how long they last, what was deleted."),
    "backup": ("vigilar.cli.backup:backup", "Copies of the recordings elsewhere, and the way back."),
    "export": ("vigilar.cli.export:export", "Save a range or an event as a video, with proof if wanted."),
    "reel": ("vigilar.cli.films:reel", "Films of the best moments of a day; also lists time-lapses."),
    "timelapse": ("vigilar.cli.films:timelapse", "A day of one camera in a minute."),
    "verify": ("vigilar.cli.verify:verify", "Prove that recordings are whole and unchanged."),
    "evaluate": ("vigilar.cli.evaluate:evaluate", "Measure detection on labelled clips."),
    "upgrade": ("vigilar.cli.upgrade:upgrade", "What an upgrade did to the database, and the way back."),
    "new-drive": ("vigilar.cli.new_drive:new_drive", "Take another drive for the recordings."),
    "check": ("vigilar.cli.check:check", "Is every recording in its place, and the one that was recorded?"),
    "proof": ("vigilar.cli.proof:proof", "What this box has signed, to be kept elsewhere."),
    "keys": ("vigilar.cli.keys:keys", "Who can open the recordings: key epochs, the recovery sheet."),
    "models": ("vigilar.cli.models:models", "Which networks recognise people, vehicles and animals; get one."),
    "config": ("vigilar.cli.config:config", "Check and show the settings."),
}


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 done, 2 wrong use, 4 no such thing, 5 not allowed, 6 settings not valid, 7 not running, "
    "8 camera cannot be used, 9 not exact, 13 key needed, 14 refused for safety, 75 busy.",
)
@click.option("--config", type=click.Path(path_type=Path), help="The settings file (also VIGILAR_CONFIG).")
@click.option("--data-dir", type=click.Path(path_type=Path), help="The folder with all data.")
@click.version_option(__version__, prog_name="vigilar", message="%(prog)s %(version)s")
@click.pass_context
def program(ctx: click.Context, config: Path | None, data_dir: Path | None) -> None:
    """Vigilar guards your house: cameras in, encrypted recordings, events on a page, no cloud.

    \b
    Try it:          vigilar demo
    Add a camera:    vigilar camera add rtsp://192.168.1.21/stream1 --name "Front door"
    What happened:   vigilar events list --since yesterday
    """
    ctx.obj = Asked(config, data_dir)


def run(args: Sequence[str]) -> int:
    """Run one command; its exit code. Every error a person can cause or meet becomes a sentence on standard error."""
    try:
        result = program.main(args=list(args), prog_name="vigilar", standalone_mode=False)
        sys.stdout.flush()
        return int(result or ExitCode.OK)
    except click.UsageError as error:
        error.show()
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        print("Stopped.", file=sys.stderr)
        return ExitCode.INTERRUPTED
    except click.ClickException as error:
        error.show()
        return ExitCode.FAILED
    except VigilarError as error:
        print(redact(describe(error)), file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader of our output, `head` say, has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILED


def describe(error: VigilarError) -> str:
    """The error for a person: what, its code, and what to do next on a line of its own."""
    text = str(error)
    first = text.split(" ", 1)[0]
    if first.isalpha() and first.islower():
        text = text[0].upper() + text[1:]
    if text[-1:].isalnum() and "\n" not in text:
        text += "."
    if error.code:
        text += f" [{error.code}]"
    return f"{text}\n{error.next_step}" if error.next_step else text

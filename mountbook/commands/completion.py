"""``mountbook completion``: what makes a shell complete commands and options."""

import click


@click.command(
    short_help="Print the completion script for a shell.",
    epilog="\b\nbash:  mountbook completion bash > ~/.local/share/bash-completion/completions/mountbook\n"
    'zsh:   mountbook completion zsh > "${fpath[1]}/_mountbook"\n'
    "fish:  mountbook completion fish > ~/.config/fish/completions/mountbook.fish",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the script that makes SHELL complete the commands and options of mountbook."""
    from click.shell_completion import BashComplete, FishComplete, ZshComplete

    from mountbook.cli import cli

    classes = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}
    click.echo(classes[shell](cli, {}, "mountbook", "_MOUNTBOOK_COMPLETE").source())

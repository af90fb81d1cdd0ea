"""The ways out in the settings: what is refused, in which words, and that no secret stands in the file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vigilar.config.cut import used_secrets
from vigilar.config.load import InvalidConfigError, parse_config
from vigilar.config.secrets import SecretStore
from vigilar.config.way_cut import dump_ways, way_lanes
from vigilar.notify.ways import EmailWay, MqttWay, NtfyWay, Ways, WebhookWay

WHOLE = b"""
[notify.push]
hosts = ["push.home.example:8443"]
[notify.ntfy]
address = "http://192.168.1.5:2586"
topic = "house"
login = "secret:ntfy"
[notify.email]
host = "mail.home.example"
sender = "house@home.example"
to = ["sam@home.example"]
login = "secret:mail"
[notify.mqtt]
sirens = ["hall siren"]
on_for = "1m"
[[notify.webhook]]
name = "Lamp"
address = "https://hooks.home.example/x?a=1"
secret = "secret:hook"
"""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[notify.push]\nhosts = ["https://push.example"]', "name of a machine"),
        ('[notify.push]\nhosts = ["push.example:99999"]', "name of a machine"),
        ('[notify.ntfy]\naddress = "http://ntfy.example.com"', "https"),
        ('[notify.ntfy]\naddress = "ftp://192.168.1.5"', "whole address"),
        ('[notify.ntfy]\naddress = "http://sam:pw@192.168.1.5"', "no login"),
        ('[notify.ntfy]\ntopic = "a/b"', "letters"),
        ('[notify.email]\nhost = "mail.example"', "must be given with a host"),
        ('[notify.email]\nhost = "m.example"\nsender = "a@b.example"', "must be given with a host"),
        (
            (
                '[notify.email]\nhost = "m.example"\nsender = "a@b.example"\nto = ["c@d.example"]\nsecurity = "none"\n'
                'login = "secret:mail"'
            ),
            "readable",
        ),
        ('[notify.email]\nhost = "m.example"\nsender = "not one"\nto = ["c@d.example"]', "e-mail address"),
        ('[notify.mqtt]\nsirens = ["a/b"]', "Zigbee2MQTT"),
        ('[notify.mqtt]\non_for = "2h"', "between"),
        ('[[notify.webhook]]\nname = "x"\naddress = "http://example.com/"', "https"),
        ('[notify]\nlock_screen = "nothing"', "names"),
        ('[notify.email]\npassword = "x"', "a login does not belong in this file"),
        ('[notify.ntfy]\ntoken = "x"', "a login does not belong in this file"),
    ],
)
def test_wrong_way_is_told_with_its_key(text: str, says: str) -> None:
    with pytest.raises(InvalidConfigError, match=says):
        parse_config(text.encode(), "vigilar.toml")


def test_ways_are_cut_with_their_secrets(tmp_path: Path) -> None:
    config, secrets = parse_config(WHOLE, "vigilar.toml"), SecretStore(tmp_path / "secrets")
    secrets.put_login("ntfy", "", "token")
    secrets.put_login("mail", "house", "pw")
    secrets.put_login("hook", "", "shared")
    assert used_secrets(config) == {"ntfy", "mail", "hook"}
    ways = Ways.parse(dump_ways(config, secrets))
    assert ways == Ways(
        ntfy=NtfyWay(address="http://192.168.1.5:2586", topic="house", password="token"),
        email=EmailWay(
            host="mail.home.example",
            port=587,
            security="starttls",
            sender="house@home.example",
            to=("sam@home.example",),
            user="house",
            password="pw",
        ),
        webhooks=(WebhookWay(name="Lamp", address="https://hooks.home.example/x?a=1", secret="shared"),),
        mqtt=MqttWay(base="zigbee2mqtt", sirens=("hall siren",), on_s=60),
    )
    for secret in ("token", "pw", "shared"):
        assert secret not in repr(ways)


def test_way_without_its_secret_says_so_and_the_others_go_on(tmp_path: Path) -> None:
    secrets = SecretStore(tmp_path / "secrets")
    secrets.put_login("mail", "house", "pw")
    ways = Ways.parse(dump_ways(parse_config(WHOLE, "vigilar.toml"), secrets))
    assert ways.ntfy is not None
    assert ways.email is not None
    assert ways.ntfy.wrong == 'There is no secret "ntfy". On the box: sudo vigilar notify login ntfy'
    assert (ways.email.password, ways.email.wrong) == ("pw", "")
    assert ways.webhooks[0].wrong == 'There is no secret "hook". On the box: sudo vigilar notify login hook'
    assert ways.lanes == way_lanes(parse_config(WHOLE, "vigilar.toml")) == ("ntfy", "email", "webhook:Lamp")


def test_house_without_ways_has_none(tmp_path: Path) -> None:
    text = dump_ways(parse_config(b"", "vigilar.toml"), SecretStore(tmp_path))
    assert json.loads(text)["webhooks"] == []
    assert Ways.parse(text) == Ways(mqtt=MqttWay(base="zigbee2mqtt"))

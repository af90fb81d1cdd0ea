"""Pages and HTTP API: Flask, one blueprint a subject, sessions, playback of sealed footage, live pictures.

Inside: everything a browser or a script meets. Not inside: MQTT (``sse_bridge`` is started beside the app), the HTTP
server (``processes/web.py``), decoding of video (cameras' own processes make the pictures).
"""

from __future__ import annotations

from functools import partial

from flask import Flask

from vigilar.base.clock import SystemClock
from vigilar.base.reserve import Reserve
from vigilar.base.zone import load_zone
from vigilar.config.jobs import WebJob
from vigilar.playback.library import Library
from vigilar.proof.telling import Teller
from vigilar.store.audit import add_deeds
from vigilar.store.engine import Store
from vigilar.vge.keys import KeyRing
from vigilar.web import auth, deeds, drive_gate, problems, security, serving, static_files
from vigilar.web.audit_log import AuditLog
from vigilar.web.blueprints import (
    account,
    adding,
    alerts,
    arm,
    audit,
    backup,
    camera_settings,
    cameras,
    certificate,
    daily_reels,
    erase,
    event_list,
    event_page,
    events,
    exports,
    footage,
    help_pages,
    home_assistant,
    incidents,
    kept,
    keys,
    live,
    live_socket,
    members,
    notifications,
    objects,
    own_account,
    pairing,
    passkeys,
    pets,
    phone_app,
    phones,
    pins,
    power,
    push,
    reel_pages,
    reels,
    rules_api,
    sensors,
    settings,
    shares,
    storage,
    system,
    system_pages,
    tokens,
    trust,
    wall,
    wildlife,
    zones,
)
from vigilar.web.camera_book import CameraBook
from vigilar.web.forwarded import Forwarded
from vigilar.web.hub import HUB
from vigilar.web.live_views import LiveViews
from vigilar.web.logins import find_logins
from vigilar.web.open_streams import OpenStreams
from vigilar.web.parts import EXTENSION, Parts, make_rows_door
from vigilar.web.quick_rules import QuickRule
from vigilar.web.row_ids import install_row_ids
from vigilar.web.session_cache import SessionCache
from vigilar.web.template_words import install_template_words


def create_app(cfg: WebJob) -> Flask:
    """The WSGI application. Opens the database; makes no connection to the bus, ever.

    ``parts_of(app)`` takes what the process wires in: ``ask_reload``, ``probe``. Raises StoreError when the database
    cannot be opened.
    """
    app = Flask(__name__, static_folder=None)
    app.url_rule_class = QuickRule
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
    install_row_ids(app)
    reserve, sessions, rows = Reserve(cfg.data_dir), SessionCache(), make_rows_door()
    store = reserve.help(lambda: Store.open(cfg.database_url))
    teller = Teller(store, cfg.node_id, cfg.data_dir, SystemClock())
    app.extensions[EXTENSION] = Parts(
        cfg=cfg,
        store=store,
        cameras=CameraBook(cfg),
        footage=Library(store, cfg.data_dir, lambda: KeyRing.load(cfg.secrets_dir), tell=teller.tell_file),
        live=LiveViews(cfg.run_dir),
        zone=load_zone(cfg.time_zone),
        streams=OpenStreams(partial(find_logins, store, rows, sessions), SystemClock()),
        reserve=reserve,
        sessions=sessions,
        audit=AuditLog(partial(add_deeds, store, cfg.node_id)),
        rows=rows,
    )
    HUB.open()
    problems.install_problems(app)
    serving.install_footage_errors(app)
    security.install_security(app)
    auth.install_auth(app)
    drive_gate.install_drive_gate(app)
    static_files.install_static(app)
    install_template_words(app)
    deeds.install_deeds(app)
    app.wsgi_app = Forwarded(app.wsgi_app, app.extensions[EXTENSION])  # type: ignore[method-assign]  # Flask's own advice
    blueprints = (
        account.bp,
        adding.bp,
        alerts.bp,
        arm.bp,
        audit.bp,
        backup.bp,
        camera_settings.bp,
        cameras.bp,
        certificate.bp,
        erase.bp,
        event_list.bp,
        event_page.bp,
        events.bp,
        exports.bp,
        footage.bp,
        help_pages.bp,
        home_assistant.bp,
        incidents.bp,
        kept.bp,
        keys.bp,
        live.bp,
        live_socket.bp,
        members.bp,
        objects.bp,
        own_account.bp,
        pairing.bp,
        passkeys.bp,
        pets.bp,
        phone_app.bp,
        phones.bp,
        pins.bp,
        power.bp,
        push.bp,
        reel_pages.bp,
        daily_reels.bp,
        reels.bp,
        sensors.bp,
        rules_api.bp,
        notifications.bp,
        settings.bp,
        shares.bp,
        storage.bp,
        system.bp,
        system_pages.bp,
        tokens.bp,
        trust.bp,
        wall.bp,
        wildlife.bp,
        zones.bp,
    )
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    return app

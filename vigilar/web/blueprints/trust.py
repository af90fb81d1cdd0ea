"""How a device comes to trust this house: the certificate to install, the way to it, and whether it worked.

Public, and over plain HTTP too: whoever needs this cannot come securely yet. Nothing here tells of the house more than
its name and that certificate, which every visitor of its pages sees anyway.
"""

from __future__ import annotations

import segno
from flask import Blueprint, Response, jsonify, render_template, request
from werkzeug import Response as AnyResponse

from vigilar.base.page_headers import CSP
from vigilar.door.trust import HouseRoot, apple_profile, find_root
from vigilar.web.lan import lan_base
from vigilar.web.parts import parts
from vigilar.web.problems import Problem
from vigilar.web.rights import public
from vigilar.web.transport import TRUST, secure_address

bp = Blueprint(TRUST, __name__)


@bp.get("/trust")
@public
def page() -> AnyResponse:
    here = parts()
    found, secure = here.certificate(), secure_address("/trust")
    address = f"{lan_base(secure=False)}/trust"
    body = render_template(
        "trust.html",
        certificate=found,
        root=find_root(here.cfg.secrets_dir),
        secure_link=secure,
        secure_home=secure_address("/"),
        address=address,
        qr=segno.make(address, error="m").svg_data_uri(scale=5, border=4, light="#fff"),
        is_tls=request.is_secure,
        has_door=here.cfg.has_door,
    )
    response = Response(body, mimetype="text/html")
    if secure:  # to see, over plain HTTP, whether this device trusts the secure one
        origin = secure.removesuffix("/trust")
        response.headers["Content-Security-Policy"] = CSP.replace("connect-src 'self'", f"connect-src 'self' {origin}")
    return response


@bp.get("/trust/check")
@public
def check() -> AnyResponse:
    """Whoever can read this over HTTPS trusts the house. Any page may ask: there is nothing in it."""
    response = jsonify({"secure": request.is_secure})
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@bp.get("/trust/vigilar.cer")
@public
def certificate() -> AnyResponse:
    """For Android, Windows, Linux and computers by Apple."""
    return _download(_root().der, "application/x-x509-ca-cert", "vigilar.cer")


@bp.get("/trust/vigilar.mobileconfig")
@public
def profile() -> AnyResponse:
    """For iPhone and iPad."""
    data = apple_profile(_root(), parts().cfg.house_name)
    return _download(data, "application/x-apple-aspen-config", "vigilar.mobileconfig")


def _root() -> HouseRoot:
    found = find_root(parts().cfg.secrets_dir)
    if found is None:
        raise Problem(404, "trust.none", "This house has no certificate of its own.")
    return found


def _download(data: bytes, mimetype: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, mimetype=mimetype, headers=headers)

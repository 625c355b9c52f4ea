"""What keeps the service from being loaded, in one sentence with the way out: of a reply, or of there being none."""

import errno
import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from app.capacity.evidence.hosts import is_loopback
from loadtest.generator.http_client import CutOffError, NoReplyError, Reply
from loadtest.generator.target import Origin

HTTP_OK: Final = 200
HTTP_BAD_REQUEST: Final = 400
HTTP_FORBIDDEN: Final = 403
_QUOTED: Final = 200  # characters of somebody else's message


@dataclass(frozen=True)
class Trouble:
    """Why no load test can begin; `passes` says whether it may be over in a moment, as while a service starts."""

    sentence: str
    passes: bool = False


class _ServiceAnswer(msgspec.Struct):
    postings: list[msgspec.Raw]


class _Problem(msgspec.Struct):
    detail: str = ""


_REDIRECTED: Final = (
    "{origin} redirects ({status}) to {location}, and Braze follows no redirect: give the address where the service "
    "itself answers."
)
_OF_STATUS: Final = {
    200: "{origin} answers with something else than postings: give the scheme, host name and port that Braze calls.",
    401: "{origin} refused the credential (401){quoted}: put name:secret of a credential of this deployment into the file; "
    "`connected-jobs credential create NAME` makes one.",
    403: "{origin} refused the credential (403){quoted}: use one of the scope content, or ask whoever runs the entrance to "
    "let this machine in.",
    404: "{origin} answers, but not to /v1/members/… (404): give the scheme, host name and port that Braze calls.",
    407: "{origin} is a proxy (407): give the service's own address.",
    429: "{origin} is over its limit before the test has begun (429){quoted}: wait until nothing else uses this "
    "credential, or raise CJ_HARD_RPS for the test.",
    502: "The entrance at {origin} reaches no service behind it (502): start the service, or mend the entrance's address "
    "of it.",
    503: "{origin} is not ready (503){quoted}: start the service and its Postgres, or wait until they are up.",
    504: "The entrance at {origin} has no answer in time from the service behind it (504): start the service, or mend the "
    "entrance's address of it.",
    **dict.fromkeys((301, 302, 303, 307, 308), _REDIRECTED),
}
_ASKS_CERTIFICATE: Final = (
    "{origin} asks its callers for a certificate, and Braze has none: let it take calls without."
)
_OTHERWISE: Final = "{origin} answers {status} to a call for a member's postings{quoted}: the service's log, or the entrance's, says why."
_MAY_PASS: Final = {429, 502, 503, 504}


def of_reply(origin: Origin, reply: Reply) -> Trouble | None:
    """What is wrong with the reply to a call for a member's postings, None where it is an answer."""
    if reply.status == HTTP_OK and _is_an_answer(reply):
        return None
    if origin.scheme == "http" and (sentence := _other_scheme(origin, reply)):
        return Trouble(sentence)
    if reply.status == HTTP_BAD_REQUEST and b"SSL certificate" in reply.body:
        return Trouble(_ASKS_CERTIFICATE.format(origin=origin))
    said = _detail(reply)
    sentence = _OF_STATUS.get(reply.status, _OTHERWISE).format(
        origin=origin,
        status=reply.status,
        quoted=f" ({said})" if said else "",
        location=repr(reply.location) if reply.location else "an address it does not name",
    )
    return Trouble(sentence, passes=reply.status in _MAY_PASS)


def _other_scheme(origin: Origin, reply: Reply) -> str | None:
    """What an entrance says to plain http that wants TLS."""
    if reply.status == HTTP_BAD_REQUEST and b"HTTPS port" in reply.body:
        return f"{origin} speaks TLS: give --host https://{origin.authority}."
    if reply.status == HTTP_FORBIDDEN and b"https" in reply.body.lower() and not _detail(reply):
        return f"{origin} takes no plain http (403): give --host with https://."
    return None


def _is_an_answer(reply: Reply) -> bool:
    try:
        msgspec.json.decode(reply.content, type=_ServiceAnswer)
    except (OSError, EOFError, ValueError, RecursionError):
        return False
    return True


def _detail(reply: Reply) -> str:
    """The sentence of a problem object."""
    try:
        return msgspec.json.decode(reply.content, type=_Problem).detail.rstrip(".")[:_QUOTED]
    except (OSError, EOFError, ValueError, RecursionError):
        return ""


def of_silence(
    origin: Origin, error: CutOffError | NoReplyError, *, environ: Mapping[str, str] = os.environ
) -> Trouble:
    """Why there was no reply."""
    match error.__cause__:
        case ssl.SSLCertVerificationError() as cause:
            return Trouble(_certificate(origin, cause))
        case ssl.SSLError() as cause:
            return Trouble(_handshake(origin, cause))
        case OSError() as cause if isinstance(cause, socket.gaierror) or cause.errno in _NO_WAY:
            return _no_way(origin, cause, _past_the_proxy(origin, environ))
    if isinstance(error, CutOffError):
        sentence = (
            f"{origin.authority} did not answer in time: start the service, or let this machine through what stands "
            f"between.{_past_the_proxy(origin, environ)}"
        )
        return Trouble(sentence, passes=True)
    if error.kind == "refused":
        return Trouble(
            f"Nothing listens at {origin.authority}: start the service, or mend the port in --host.",
            passes=True,
        )
    return _no_http(origin, error.kind)


_NO_WAY: Final = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT)


def _no_way(origin: Origin, error: OSError, proxy: str) -> Trouble:
    if isinstance(error, socket.gaierror):
        return Trouble(
            f"The host name {origin.host} is not known here: mend it in --host, or this machine's name server.{proxy}"
        )
    return Trouble(
        f"No way leads from here to {origin.authority} ({error.strerror}): load it from a machine that reaches it.{proxy}",
        passes=True,
    )


def _no_http(origin: Origin, kind: str) -> Trouble:
    other, speaks = ("https", "TLS") if origin.scheme == "http" else ("http", "plain http")
    what = "closes the connection without an answer" if kind == "closed" else "does not speak HTTP"
    return Trouble(
        f"{origin} {what}: if it speaks {speaks}, give --host {other}://{origin.authority}; else its log says why.",
        passes=kind == "closed",
    )


_UNKNOWN_AUTHORITY: Final = {2, 18, 19, 20, 21, 24}  # OpenSSL's X509_V_ERR_ numbers
_NOT_YET, _EXPIRED, _REVOKED, _WRONG_NAME = 9, 10, 23, (62, 64)


def _certificate(origin: Origin, error: ssl.SSLCertVerificationError) -> str:
    code = error.verify_code
    if code in _UNKNOWN_AUTHORITY:
        return (
            f"The certificate of {origin} is from an authority this machine does not trust ({error.verify_message}): "
            "give that authority's certificate with --ca-file FILE; Braze trusts public ones only."
        )
    if code == _EXPIRED:
        return f"The certificate of {origin} has expired, so Braze would refuse it: renew it."
    if code == _NOT_YET:
        return f"The certificate of {origin} is not valid yet: set this machine's clock right, or renew the certificate."
    if code in _WRONG_NAME:
        return (
            f"The certificate of {origin} is for other names ({error.verify_message}): give --host the name it is for, "
            "or have one made for this name."
        )
    if code == _REVOKED:
        return f"The certificate of {origin} is revoked: have another made."
    return f"The certificate of {origin} cannot be trusted ({error.verify_message}): have another made."


_PLAIN: Final = {
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "RECORD_LAYER_FAILURE",
    "PACKET_LENGTH_TOO_LONG",
    "UNKNOWN_PROTOCOL",
}


def _handshake(origin: Origin, error: ssl.SSLError) -> str:
    reason = (error.reason or "").upper()
    if reason in _PLAIN:
        return f"{origin.authority} speaks no TLS: give --host http://{origin.authority}; Braze calls https in the end."
    if "PROTOCOL_VERSION" in reason or "UNSUPPORTED_PROTOCOL" in reason:
        return f"{origin} offers no version of TLS that is safe: have it speak TLS 1.2 or 1.3."
    if "CERTIFICATE_REQUIRED" in reason or "BAD_CERTIFICATE" in reason:
        return _ASKS_CERTIFICATE.format(origin=origin)
    if isinstance(error, ssl.SSLEOFError):
        return (
            f"{origin} ends the TLS connection without a word: its log says why; it may ask its callers for a certificate, "
            "and Braze has none."
        )
    if "UNRECOGNIZED_NAME" in reason:
        return f"{origin} serves no such name over TLS: give --host the name that Braze calls."
    return f"No TLS connection to {origin} could be made ({error.reason or error}): its log says why."


def _past_the_proxy(origin: Origin, environ: Mapping[str, str]) -> str:
    """A word on a proxy that the environment names, since calls do not go through it."""
    names = (f"{origin.scheme}_proxy", f"{origin.scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY")
    named = next((name for name in names if environ.get(name)), None)
    if named is None or is_loopback(origin.host):
        return ""
    return f" Calls go straight there as Braze's do, not through {named}."
